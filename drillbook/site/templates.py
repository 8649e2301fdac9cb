"""The HTML of the book's own parts: Jinja2 templates in the folder beside this module.

A template's lines are joined without their indentation, so that how a template is laid out
shows nowhere. What is put in is escaped unless a template made it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined

_FOLDER = Path(__file__).with_name("templates")


def _joined(path: Path) -> str:
    return "".join(line.strip() for line in path.read_text(encoding="utf-8").split("\n"))


_ENVIRONMENT = Environment(
    loader=DictLoader({path.stem: _joined(path) for path in _FOLDER.glob("*.html")}),
    autoescape=True,
    undefined=StrictUndefined,
)


def macros(name: str) -> Any:
    """The macros of a template: each gives HTML of what it is called with.

    Args:
        name: The file's name without `.html`.
    """
    return _ENVIRONMENT.get_template(name).module
