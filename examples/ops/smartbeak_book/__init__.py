"""What the book shows of `sb`: its commands, its trees and its wheel, made from the program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smartbeak_book import alerts, directives, matrix, wheel

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.util.typing import ExtensionMetadata


def setup(app: Sphinx) -> ExtensionMetadata:
    """Registers the directives, and has the wheel offered with the site."""
    app.add_directive("sb-commands", directives.Commands)
    app.add_directive("sb-statuses", directives.Statuses)
    app.add_directive("sb-alerts", alerts.Alerts)
    app.add_directive("sb-objectives", alerts.Objectives)
    app.add_directive("sb-matrix", matrix.Matrix)
    app.add_directive("sb-install", wheel.Install)
    app.add_directive("sb-version", wheel.Version)
    app.connect("build-finished", wheel.offer)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
