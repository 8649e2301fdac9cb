"""GitHub's workflow commands: a message on a line of a file of the pull request."""

from __future__ import annotations


def annotation(path: str, line: int, title: str, message: str) -> str:
    """The command that shows an error on a line.

    Args:
        path: File, relative to the repository.
        line: 1-based line.
        title: One line.
        message: Any number of lines.
    """
    place = f"file={_property(path)},line={line},title={_property(title)}"
    return f"::error {place}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
