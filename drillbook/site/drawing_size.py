"""Takes from a drawing what the renderer writes for programs that are not browsers.

A hub's drawing has some hundred labels, and each says thirty times what holds without it:
that would be more than half of the page that is opened first, on a phone.
"""

from __future__ import annotations

import re

_LABEL = re.compile(r'<defs><g id="([\w-]+-foreignobject-label-\d+)">(.*?</svg>)</g></defs>', re.S)
_USE = re.compile(r'<use x="0" y="0" href="#([\w-]+-foreignobject-label-\d+)" style="[^"]*"/>')
_NOTES = re.compile(
    r" (?:data-(?:merman[\w-]*|points|look|et|edge|id|from|to|type)|xml:space|alignment-baseline"
    r'|preserveAspectRatio)="[^"]*"'
)
_HIDDEN = re.compile(r'<rect [^>]*style="fill:none;stroke:none;opacity:0;[^"]*"/>')
_STYLE = re.compile(r' style="([^"]*)"')
_CLASS = re.compile(r' class="merman-[^"]*"')
_PART = re.compile(r'<(marker|symbol|filter) id="([^"]+)".*?</\1>', re.S)
_LOOK = re.compile(r'#[\w-]+ \[data-look="neo"\][^{}]*\{[^}]*\}')
_CLASSES = re.compile(r' class="([^"]*)"')
_EMPTY = re.compile(r"<defs></defs>")
_ANCHOR = re.compile(r'(text-anchor="middle"[^>]* style=")text-anchor:middle;?')
_SHEET = re.compile(r"<style>.*?</style>", re.S)
_RULE = re.compile(r"(#[^{}]+)\{([^{}]*)\}")
_SELECTED = re.compile(r"\.([a-zA-Z][\w-]*)")
_FRACTION = re.compile(r"(\d+\.\d{2})\d{3,}")

# `opacity:1` stays: the drawing's own style sheet says another of a label's ground.
_DEFAULTS = frozenset({
    "display:inline", "visibility:inherit", "clip-path:none", "mask:none", "filter:none",
    "transform:none", "transform:matrix(1 0 0 1 0 0)", "fill-opacity:1", "font-weight:normal",
    "font-style:normal", "white-space:pre", "font-weight:400",
    "font-family:IBM Plex Sans, sans-serif",
    "alignment-baseline:central", "line-height:22.5px",
    "font-family:IBM Plex Sans,sans-serif", "font-size:15px",
})  # fmt: skip
"""What holds for every part without being said; face and size are said once, for the drawing."""


def reduced(svg: str) -> str:
    """The same drawing in fewer characters.

    Args:
        svg: A drawing of the renderer's pipeline `resvg-safe`: each label stands among the
            definitions and is used once.

    Returns:
        The drawing with its labels in place and without declarations that change nothing.
    """
    labels = dict(_LABEL.findall(svg))
    svg = _LABEL.sub("", svg)
    svg = _USE.sub(lambda found: labels[found[1]], svg)
    svg = _HIDDEN.sub("", svg)
    svg = _NOTES.sub("", svg)
    svg = _STYLE.sub(_needed, svg)
    svg = _CLASS.sub("", svg)
    svg = _LOOK.sub("", svg)
    classes = {name for each in _CLASSES.findall(svg) for name in each.split()}
    svg = _SHEET.sub(lambda sheet: _RULE.sub(lambda found: _for(classes, found), sheet[0]), svg)
    svg = _PART.sub(lambda found: found[0] if f"#{found[2]}" in svg else "", svg)
    svg = _EMPTY.sub("", svg)
    svg = _ANCHOR.sub(r"\1", svg)
    return _FRACTION.sub(r"\1", svg)


def _for(classes: set[str], rule: re.Match[str]) -> str:
    """A rule of the drawing's style sheet, for what of it the drawing has."""
    kept = [each for each in rule[1].split(",") if classes.issuperset(_SELECTED.findall(each))]
    return f"{','.join(kept)}{{{rule[2]}}}" if kept else ""


def _needed(style: re.Match[str]) -> str:
    kept = [each for each in style[1].split(";") if each and each not in _DEFAULTS]
    return f' style="{";".join(kept)}"' if kept else ""
