"""Makes `source/captured.json` from the evidence of drills: texts that somebody saw meanwhile.

    python -m tests.search.capture build/plan.json build/evidence

Two kinds of text are taken from each drill of a runbook: `client`, the errors that the drill's
users got, and `printed`, what the page's commands printed before the first of them changed
anything, on lines that speak of an error and that no drill prints once all is well. Drills with two
faults are left out.
The site's search looks through the file; its tests hold half of it back.
"""

from __future__ import annotations

import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from drillbook import evidence, plan
from drillbook.model import Page, Scenario
from drillbook.site import symptoms

ROOT = Path(__file__).parents[2]
CAPTURED = ROOT / "source/captured.json"

_ERRORS = "Errors that clients saw"
_TWO_FAULTS = ("runbooks/two-at-once/", "runbooks/while-you-mend/")
# What differs from run to run: addresses, ids, times and numbers. Nought is not some, and a status
# of 400 to 599 is a code.
_RUN = re.compile(
    r"\b\d+\.\d+\.\d+\.\d+\b|\b[0-9a-f]{8}-[0-9a-f-]{27}\b|\b(?:ch|pi|cs|evt|req)_\w{8,}"
    r"|\d+(?:[.:]\d+)+|\bprod-(?:api|web|worker)-[\w-]+|\d{4,}|\b(?![45]\d\d\b)[1-9]\d*|(?<=[a-z_])\d+"
)
_OURS = re.compile(r"branch:|seen too|https?://docs\.|P[0-3]:|REFUSED: .*: runbooks/")
_ERROR = re.compile(
    r"(?i)error|fail|refused|denied|cannot|could not|can't|no such|invalid|missing|unknown|fatal"
    r"|panic|no answer|does not|\bnot (?:running|ready|there|permitted|accepting|on sale)|no good"
    r"|(?:is|are) not|no (?:control|free|process|worker|server|redis)\b|expired|exceeded|back-?off"
    r"|\b[45]\d\d\b|busy|too many|max number|misconf|loading|full|declined|blocked|stuck|stalled"
    r"|paused|doubled|differ|unreadable|overdue|no lock|left behind|half-built|down\b|dead letters"
)
_NOUGHT = re.compile(
    r"\b0 (?:\w+ )?(?:failed|declined|expired|blocked|overdue|of the last \d+ \w+ failed)"
)
_WORD = re.compile(r"[A-Za-z]{3,}")


def form(text: str) -> str:
    """What two runs of one drill say alike."""
    return _RUN.sub("*", " ".join(text.split()))


def texts(known: list[Page], folder: Path) -> list[dict[str, Any]]:
    """Each text once, with its kind and the pages whose drills saw it."""
    seen: dict[str, tuple[str, str]] = {}
    pages: dict[str, set[str]] = defaultdict(set)
    well: set[str] = set()
    for page in known:
        for scenario in page.scenarios:
            if scenario.drill is None or not _is_branch(page.docname):
                continue
            for kind, text in _of(scenario, folder):
                if kind == "well":
                    well.add(form(text))
                    continue
                seen.setdefault(form(text), (kind, text))
                pages[form(text)].add(page.docname)
    return [
        {"text": text, "kind": kind, "pages": sorted(pages[key])}
        for key, (kind, text) in sorted(seen.items())
        if kind == "client" or key not in well
    ]


def _is_branch(docname: str) -> bool:
    # A drill with two faults sees the texts of both, and its page leads on to their branches.
    return symptoms.is_runbook(docname) and not docname.startswith(_TWO_FAULTS)


def _of(scenario: Scenario, folder: Path) -> Iterator[tuple[str, str]]:
    changed = False
    for snippet in scenario.snippets:
        changed = changed or snippet.options.effect in ("write", "destructive")
        for found in _read(folder, scenario.id, snippet.id):
            for step in found.steps:
                for line in (step.stdout + "\n" + step.stderr).splitlines():
                    text = " ".join(line.split())
                    if _is_error(text):
                        yield "well" if changed else "printed", text
    for found in _read(folder, scenario.id, scenario.id):
        for line in found.more.get(_ERRORS, "").splitlines():
            yield "client", line


def _is_error(line: str) -> bool:
    said = len(_WORD.findall(line)) > 1 and not _OURS.match(line)
    return said and bool(_ERROR.search(_NOUGHT.sub("", line)))


def _read(folder: Path, scenario: str, id_: str) -> Iterator[evidence.Evidence]:
    for backend in ("local", "compose"):
        file = folder / evidence.file_of(backend, scenario, id_)
        if file.exists():
            yield evidence.read(file)


def main(plan_file: Path, folder: Path) -> None:
    """Writes the file."""
    found = texts(list(plan.read(plan_file).pages), folder)
    lines = ",\n".join(json.dumps(each, ensure_ascii=False) for each in found)
    CAPTURED.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    print(f"{len(found)} texts in {CAPTURED}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
