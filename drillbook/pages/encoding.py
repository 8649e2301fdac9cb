"""Reads a page's text as Sphinx does, and says where it cannot be read."""

from __future__ import annotations

from pathlib import Path

from drillbook.errors import PageError, Where


def text_of(source: Path) -> str:
    """A page's text: without a byte order mark, every line ended by a newline alone."""
    return source.read_text("utf-8-sig")


def error_in(source: Path, path: str) -> PageError | None:
    """What is wrong with the encoding of a page.

    Args:
        source: Its file.
        path: Its path relative to the project.
    """
    raw = source.read_bytes()
    try:
        raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        return PageError(
            "undecodable",
            f"The page is not UTF-8: byte 0x{raw[error.start]:02x} is no character.",
            where=Where(path, line),
            hint="Save it as UTF-8.",
        )
    return None
