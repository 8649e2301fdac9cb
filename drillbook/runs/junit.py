"""JUnit XML of a session: errors of the harness and failures of a page kept apart."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from drillbook import files

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, not even escaped."""

_ELEMENT = {"failed": "failure", "error": "error", "skipped": "skipped", "not-run": "skipped"}


def write(notes: Sequence[Mapping[str, Any]], path: Path, backend: str) -> None:
    """Writes one test suite, whole.

    Args:
        notes: Notes of the session's steps (`StepItem.note`).
        path: The file to write.
        backend: Becomes part of the suite's name.
    """
    count = Counter(note["status"] for note in notes)
    suite = ElementTree.Element(
        "testsuite",
        name=f"drillbook {backend}",
        tests=str(len(notes)),
        failures=str(count["failed"]),
        errors=str(count["error"]),
        skipped=str(count["skipped"] + count["not-run"]),
        time=f"{sum(note['duration_s'] for note in notes):.3f}",
    )
    for note in notes:
        suite.append(_case(note))
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    files.replace(path, text)


def _case(note: Mapping[str, Any]) -> ElementTree.Element:
    case = ElementTree.Element(
        "testcase",
        classname=note["scenario"],
        name=note["name"],
        file=note["path"],
        line=str(note["line"]),
        time=f"{note['duration_s']:.3f}",
    )
    element = _ELEMENT.get(note["status"])
    if element is not None:
        reason = _UNPRINTABLE.sub("\ufffd", note["reason"])
        prefix = "not-run: " if note["status"] == "not-run" else ""
        child = ElementTree.SubElement(case, element, message=prefix + reason.partition("\n")[0])
        child.text = reason
    return case
