"""Draws Mermaid diagrams as SVG while the book is built: no browser, no script, no network.

The directive is sphinxcontrib-mermaid's; only its HTML output is replaced. A
diagram stands in the page as inline SVG, its colours are CSS variables with the
light value as fallback, so it follows the reader's theme, and paper.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from markupsafe import Markup
from sphinx.util import logging
from sphinxcontrib.mermaid import mermaid

from drillbook.errors import HarnessError, PageError, Where
from drillbook.site import drawing_size, templates

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.util.typing import ExtensionMetadata
    from sphinx.writers.html5 import HTML5Translator

try:
    import merman
except ImportError:  # no wheel for this platform
    merman = None

logger = logging.getLogger(__name__)
_HTML = templates.macros("pictures")

FONT = "fonts/IBMPlexSans-Regular.woff2"
"""The face that diagrams are measured with and drawn in, in a static folder of the book."""

COLOURS: Mapping[str, str] = {
    "ink": "#1c2128",
    "line": "#59636e",
    "node": "#f3f5f7",
    "border": "#8b949e",
    "group": "#fafbfc",
    "edge": "#fffffe",
    "note": "#fff7df",
    "error": "#b42318",
}
"""Light colour by the name of its CSS variable, `--dg-<name>`."""

_THEME: Mapping[str, str] = {
    "ink": "primaryTextColor secondaryTextColor tertiaryTextColor textColor titleColor"
    " nodeTextColor actorTextColor signalTextColor labelTextColor loopTextColor noteTextColor"
    " stateLabelColor transitionLabelColor classText labelColor taskTextColor"
    " taskTextOutsideColor taskTextDarkColor taskTextLightColor errorTextColor",
    "line": "lineColor defaultLinkColor signalColor actorLineColor transitionColor"
    " specialStateColor relationColor arrowheadColor sequenceNumberBkg",
    "node": "primaryColor secondaryColor tertiaryColor mainBkg secondBkg actorBkg"
    " labelBoxBkgColor activationBkgColor stateBkg rowOdd attributeBackgroundColorOdd"
    " compositeTitleBackground innerEndBackground fillType0 fillType1 fillType2 fillType3",
    "border": "primaryBorderColor secondaryBorderColor tertiaryBorderColor nodeBorder"
    " clusterBorder actorBorder labelBoxBorderColor noteBorderColor activationBorderColor"
    " compositeBorder stateBorder border1 border2",
    "group": "clusterBkg compositeBackground altBackground rowEven attributeBackgroundColorEven",
    "edge": "background edgeLabelBackground labelBackgroundColor labelBackground"
    " relationLabelBackground sequenceNumberColor relationLabelColor",
    "note": "noteBkgColor",
    "error": "errorBkgColor",
}

_WIDTH = re.compile(r"max-width: ?([0-9.]+)px")
_LEAST, _ON_PAPER = 0.94, 0.85
"""Parts of a drawing's width: the least on a screen (text of 14 px), and that on paper."""

_VARIABLE = re.compile(r"var\(--dg-[a-z]+, ?(#[0-9a-f]{6})\)")


def draw(code: str, font: Path | None) -> str:
    """One diagram as an `<svg>` element.

    Args:
        code: Mermaid text.
        font: The face to measure labels with; None for the renderer's estimate.

    Raises:
        PageError: `bad-diagram` when it does not parse.
        HarnessError: `no-diagrams` where this platform has no renderer.
    """
    if merman is None:
        raise HarnessError(
            "no-diagrams",
            "the package merman, which draws diagrams, is not installed.",
            hint="It has wheels for Linux x86_64, macOS arm64 and Windows; elsewhere the"
            " diagrams' text is shown.",
        )
    engine = _engine(font)
    verdict = engine.validate(code, None)
    if not verdict.valid:
        raise PageError("bad-diagram", _first_lines(verdict.error or "it does not parse"))
    name = "dg-" + hashlib.sha256(code.encode()).hexdigest()[:10]
    try:
        svg = str(engine.render_svg(code, json.dumps({"svg": {"diagram_id": name}})))
    except merman.MermanError as error:
        raise PageError("bad-diagram", _first_lines(str(error))) from error
    for variable, colour in COLOURS.items():
        svg = svg.replace(colour, f"var(--dg-{variable},{colour})")
    return drawing_size.reduced(svg)


def on_paper(text: str) -> str:
    """The HTML with the light colours in place of variables, for renderers without them."""
    return _VARIABLE.sub(r"\1", text)


def visit_mermaid(self: HTML5Translator, node: nodes.Element) -> None:
    """Writes a diagram as inline SVG with its alternative text.

    A diagram without a caption or `alt` is a warning: not everyone sees it.
    """
    caption = _caption(node)
    alt = node.get("alt") or caption
    where = Where(str(node.source or ""), int(node.line or 0))
    if not alt:
        logger.warning(
            "diagram-without-alt: a diagram needs `:alt:` or `:caption:`, for those who do"
            " not see it",
            location=node,
            type="drillbook",
            subtype="diagram-without-alt",
        )
    font = _font(self)
    try:
        svg = draw(node["code"], font)
    except PageError as error:
        shown = PageError(error.code, error.message, where=where)
        logger.warning(str(shown), location=node, type="drillbook", subtype=error.code)
        raise nodes.SkipNode from error
    except HarnessError as error:
        logger.info(str(error))
        self.body.append(_HTML.source(node["code"]))
        raise nodes.SkipNode from error
    width = _WIDTH.search(svg)
    if self.builder.name == "singlehtml":
        # What becomes the PDF: a picture of its own, in the colours of paper.
        folder = Path(self.builder.outdir, "_images")
        folder.mkdir(parents=True, exist_ok=True)
        name = hashlib.sha256(svg.encode()).hexdigest()[:16] + ".svg"
        (folder / name).write_text(on_paper(svg), encoding="utf-8")
        measured = f"{float(width[1]) * _ON_PAPER:.0f}" if width else ""
        self.body.append(_HTML.on_paper(name, alt, measured))
        raise nodes.SkipNode
    least = f"{float(width[1]) * _LEAST:.0f}" if width else ""
    self.body.append(_HTML.on_screen(Markup(svg), alt, least, has_links="<a " in svg))
    raise nodes.SkipNode


def setup(app: Sphinx) -> ExtensionMetadata:
    """Puts the renderer in place of sphinxcontrib-mermaid's own HTML output."""
    app.setup_extension("sphinxcontrib.mermaid")
    app.add_node(mermaid, override=True, html=(visit_mermaid, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _font(self: HTML5Translator) -> Path | None:
    folders = (Path(self.builder.confdir, name) for name in self.config.html_static_path)
    return next((folder / FONT for folder in folders if (folder / FONT).is_file()), None)


def _caption(node: nodes.Element) -> str:
    if isinstance(node.parent, nodes.figure):
        for child in node.parent.findall(nodes.caption):
            return str(child.astext())
    return ""


def _first_lines(text: str) -> str:
    return "\n".join(text.strip().splitlines()[:6])


@cache
def _engine(font: Path | None) -> Any:
    options = {
        "svg": {"pipeline": "resvg-safe"},
        "site_config": {
            "theme": "base",
            "look": "classic",
            "fontFamily": "IBM Plex Sans, sans-serif",
            "themeVariables": {
                "fontSize": "15px",
                **{
                    name: COLOURS[variable]
                    for variable, names in _THEME.items()
                    for name in names.split()
                },
            },
        },
    }
    services = merman.MermanEngineServices()
    if font is not None:
        services = services.with_text_measurer(_measurer(font))
    return merman.MermanEngine(json.dumps(options), services)


def _measurer(font: Path) -> Any:
    """Measures labels with the very face they are drawn in."""
    # The import costs 0.1 s, which a book without diagrams need not pay.
    from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

    face = TTFont(font)
    widths, names = face["hmtx"], face.getBestCmap()
    em: int = face["head"].unitsPerEm
    advance: dict[int, float] = {code: widths[name][0] / em for code, name in names.items()}

    def width(text: str, request: Any) -> float:
        # Bold is a little wider than the face measured.
        weight = 1.05 if request.font_weight in ("bold", "600", "700", "bolder") else 1.0
        plain: float = sum(advance.get(ord(char), 0.65) for char in text)
        return plain * float(request.font_size) * weight

    kind = merman.MermanTextMeasurementResultKind
    operation = merman.MermanTextMeasurementOperation
    wrapped = (operation.WRAPPED, operation.WRAPPED_WITH_RAW_WIDTH)
    lengths = (
        operation.COMPUTED_LENGTH,
        operation.SIMPLE_B_BOX_WIDTH,
        operation.RAW_B_BOX_WIDTH,
        operation.TSPAN_B_BOX_WIDTH,
        operation.WRAP_PROBE_B_BOX_WIDTH,
        operation.BOUNDING_CLIENT_RECT_WIDTH,
        operation.CANVAS_MEASURE_TEXT_WIDTH,
    )
    metrics = (operation.MEASURE, operation.MERMAID_CALCULATE_TEXT_DIMENSIONS)

    class Measurer(merman.MermanTextMeasurer):  # type: ignore[misc]
        def measure(self, request: Any) -> Any:
            def answer(result_kind: Any, **values: Any) -> Any:
                unset = {"width": 0.0, "height": 0.0, "length": 0.0, "line_count": 0}
                none = {"bbox_left": None, "bbox_right": None, "raw_width": None}
                return merman.MermanTextMeasureResult(
                    result_kind=result_kind, **{**unset, **none, **values}
                )

            if request.operation in lengths:
                return answer(kind.LENGTH, length=width(request.text, request))
            if request.operation in (*metrics, *wrapped):
                lines = request.text.split("\n")
                raw = max(width(line, request) for line in lines)
                if request.operation in wrapped and request.max_width:
                    lines = [
                        part
                        for line in lines
                        for part in _wrap(line, request.max_width, lambda t: width(t, request))
                    ]
                return answer(
                    kind.WRAPPED_WITH_RAW_WIDTH
                    if request.operation is operation.WRAPPED_WITH_RAW_WIDTH
                    else kind.METRICS,
                    width=max(width(line, request) for line in lines),
                    height=len(lines) * request.font_size * 1.5,
                    line_count=len(lines),
                    raw_width=raw
                    if request.operation is operation.WRAPPED_WITH_RAW_WIDTH
                    else None,
                )
            return None  # heights and offsets: its own table is right for any face

    return Measurer()


def _wrap(line: str, limit: float, width: Any) -> list[str]:
    lines, current = [], ""
    for word in line.split():
        longer = f"{current} {word}".strip()
        if current and width(longer) > limit:
            lines.append(current)
            current = word
        else:
            current = longer
    return [*lines, current]
