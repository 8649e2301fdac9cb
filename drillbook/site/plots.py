"""Plots as SVG inside the page: no script, the page's own colours, a text beside them."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pygal
from markupsafe import Markup
from pygal.style import Style

from drillbook.site import templates

_HTML = templates.macros("pictures")

_INK = Style(
    background="transparent",
    plot_background="transparent",
    foreground="currentColor",
    foreground_strong="currentColor",
    foreground_subtle="currentColor",
    colors=("currentColor",),
    font_family="inherit",
    label_font_size=14,
    major_label_font_size=14,
)


def recovery_plot(name: str, times: Sequence[tuple[str, float]], said: str) -> str:
    """Seconds until users were served again, run by run.

    Args:
        name: What the plot is of; unique on its page.
        times: Moment (ISO 8601) and seconds of each run, oldest first.
        said: The same in words, for those who do not see it.
    """
    chart = pygal.Line(
        width=640,
        height=200,
        style=_INK,
        js=[],
        show_legend=False,
        dots_size=4,
        y_title="seconds",
        range=(0, max(value for _, value in times) * 1.2),
        x_labels=[moment[:10] if at in (0, len(times) - 1) else "" for at, (moment, _) in
                  enumerate(times)],
        disable_xml_declaration=True,
    )  # fmt: skip
    # Its own is another at every build.
    chart.uuid = "plot-" + re.sub(r"[^a-z0-9]+", "-", name.lower())
    chart.add("recovered", [round(value, 2) for _, value in times])
    drawn = re.sub(r"<!--.*?-->|<script.*?</script>", "", str(chart.render()), flags=re.DOTALL)
    return str(_HTML.plot(said, Markup(drawn)))
