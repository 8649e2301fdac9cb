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
_CLASSES = re.compile(r' class="([^"]*)"')
_ID = re.compile(r' id="([^"]*)"')
_NAMED = re.compile(r'#([\w-]+)|\[id="([\w-]+)"\]')
_NAME = re.compile(r'(<(?:g|rect|line)[^>]*) name="[^"]*"')
_TAG = re.compile(r'<(rect|line|text)((?: [\w:-]+="[^"]*")+) ?(/?)>')
_ATTRIBUTE = re.compile(r' ([\w:-]+)="([^"]*)"')
_SIMPLE = re.compile(r"#[\w-]+ \.?([a-zA-Z][\w-]*)")
_EMPTY = re.compile(r"<defs></defs>")
_ANCHOR = re.compile(r'(text-anchor="middle"[^>]* style=")text-anchor:middle;?')
_SHEET = re.compile(r"<style>.*?</style>", re.S)
_RULE = re.compile(r"(#[^{}]+)\{([^{}]*)\}")
_SELECTED = re.compile(r"\.([a-zA-Z][\w-]*)")
_FRACTION = re.compile(r"(\d+\.\d{2})\d{3,}")

_LETTERING = ("text-anchor", "dominant-baseline", "font-size", "font-family")
"""What texts of one kind have in common, and the drawing's sheet can say once."""

_KEPT = frozenset({"node"})
"""Classes that the site's script looks for."""

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
    svg = _PART.sub(lambda found: found[0] if f"#{found[2]}" in svg else "", svg)
    classes = {name for each in _CLASSES.findall(svg) for name in each.split()}
    ids = set(_ID.findall(svg))
    svg = _SHEET.sub(lambda s: _RULE.sub(lambda found: _for(classes, ids, found), s[0]), svg)
    svg = _EMPTY.sub("", svg)
    svg = _ANCHOR.sub(r"\1", svg)
    svg = _without_names(svg)
    svg = _once(_without_overruled(svg))
    return _FRACTION.sub(r"\1", svg)


def _for(classes: set[str], ids: set[str], rule: re.Match[str]) -> str:
    """A rule of the drawing's style sheet, for what of it the drawing has."""
    kept = [
        each
        for each in rule[1].split(",")
        if classes.issuperset(_SELECTED.findall(each))
        and ids.issuperset(a or b for a, b in _NAMED.findall(each))
        # Attributes of that name were taken away; a drawing holds no drawing and no paragraph.
        and "[data-look" not in each
        and not each.endswith((" svg", " p"))
    ]
    return f"{','.join(kept)}{{{rule[2]}}}" if kept else ""


def _without_names(svg: str) -> str:
    """The drawing without names, ids and classes that nothing refers to."""
    sheet = "".join(_SHEET.findall(svg))
    wanted = {*_SELECTED.findall(sheet), *_KEPT}
    root = _ID.search(svg)
    referred = {root[1] if root else ""}
    referred |= {a or b for a, b in _NAMED.findall(svg)}

    def classes(found: re.Match[str]) -> str:
        kept = [name for name in dict.fromkeys(found[1].split()) if name in wanted]
        return f' class="{" ".join(kept)}"' if kept else ""

    svg = _ID.sub(lambda found: found[0] if found[1] in referred else "", svg)
    return _CLASSES.sub(classes, _NAME.sub(r"\1", svg))


def _without_overruled(svg: str) -> str:
    """The drawing without attributes in whose place a rule of its sheet holds."""
    overruled: dict[str, set[str]] = {}
    for selectors, body in _RULE.findall("".join(_SHEET.findall(svg))):
        said = {each.partition(":")[0] for each in body.split(";")}
        for selector in selectors.split(","):
            if simple := _SIMPLE.fullmatch(selector):
                overruled.setdefault(simple[1], set()).update(said)

    def tag(found: re.Match[str]) -> str:
        attributes = dict(_ATTRIBUTE.findall(found[2]))
        gone: set[str] = set()
        for name in (found[1], *attributes.get("class", "").split()):
            gone |= overruled.get(name, set())
        return _written(found, {k: v for k, v in attributes.items() if k not in gone})

    return _TAG.sub(tag, svg)


def _once(svg: str) -> str:
    """The drawing with what all texts of one kind have in common in its sheet."""
    sheet = _SHEET.search(svg)
    root = _ID.search(svg)
    if sheet is None or root is None:
        return svg
    common: dict[str, dict[str, str]] = {}
    for name, attributes, _ in _TAG.findall(svg):
        of = dict(_ATTRIBUTE.findall(attributes))
        if name == "text" and (kind := of.get("class", "")):
            said = _lettering(of)
            kept = common.setdefault(kind, said)
            common[kind] = {key: value for key, value in kept.items() if said.get(key) == value}

    def tag(found: re.Match[str]) -> str:
        of = dict(_ATTRIBUTE.findall(found[2]))
        once = common.get(of.get("class", ""), {})
        if found[1] != "text" or not once:
            return found[0]
        style = [s for s in of.pop("style", "").split(";") if s and s.partition(":")[0] not in once]
        of = {key: value for key, value in of.items() if key not in once}
        return _written(found, {**of, "style": ";".join(style)} if style else of)

    rules = "".join(
        f"#{root[1]} text.{'.'.join(kind.split())}{{{';'.join(map(':'.join, said.items()))}}}"
        for kind, said in common.items()
        if said
    )
    svg = _TAG.sub(tag, svg)
    return svg.replace("</style>", f"{rules}</style>", 1)


def _lettering(attributes: dict[str, str]) -> dict[str, str]:
    """What an element says of its letters, by attribute or by style."""
    style = dict(each.split(":", 1) for each in attributes.get("style", "").split(";") if each)
    return {key: value for key, value in (attributes | style).items() if key in _LETTERING}


def _written(tag: re.Match[str], attributes: dict[str, str]) -> str:
    said = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return f"<{tag[1]}{said}{tag[3]}>"


def _needed(style: re.Match[str]) -> str:
    kept = [each for each in style[1].split(";") if each and each not in _DEFAULTS]
    return f' style="{";".join(kept)}"' if kept else ""
