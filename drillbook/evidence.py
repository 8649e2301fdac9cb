"""Evidence files: what was typed, what came back, where and when, with no secret in it.

One JSON file for each result, under `build/evidence/<backend>/<page>/<scenario>/`.
The site shows each as a page (`drillbook.site.evidence_pages`).
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from drillbook import files, records
from drillbook.errors import HarnessError, Where
from drillbook.records import ShapeError

VERSION = 1
"""Shape of the evidence files that this module reads and writes."""

REDACTED = "[redacted]"

HEAD_BYTES, TAIL_BYTES = 48 * 1024, 16 * 1024
"""What is kept of a longer text: its beginning and its end."""

# A pattern's groups, where it has two, are kept and stand around the secret. Texts may
# be long and hostile: no pattern may begin inside a word, nor repeat without a bound
# what it has to look at again from the next place.
_PATTERNS: tuple[re.Pattern[str], ...] = (
    # The second half is for text that begins in the middle of a key.
    re.compile(
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----.*?"
        r"(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\Z)"
        r"|\A(?:[A-Za-z0-9+/=]{16,}\n)+-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----",
        re.DOTALL,
    ),
    re.compile(
        r"((?<![a-zA-Z0-9+.-])[a-zA-Z][a-zA-Z0-9+.-]{0,30}://[^\s/:@'\"]{0,200}:)"
        r"[^\s/@'\"]{1,500}(@)"
    ),
    re.compile(r"((?i:\b(?:Bearer|Basic)\s{1,9}))[A-Za-z0-9._~+/=-]{8,}()"),
    re.compile(r"\b(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{8,}|\bwhsec_[A-Za-z0-9+/=]{8,}"),
    re.compile(r"\bpdl_[a-z]{1,20}_[A-Za-z0-9_]{16,}"),
    re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    re.compile(r"\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_[A-Za-z0-9_]{20,}"),
    re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{10,}"),
    re.compile(r"(?<![\w-])eyJ[\w-]{8,4096}\.[\w-]{8,4096}\.[\w-]{0,1024}"),
    re.compile(r"\bSCRAM-SHA-256\$\d+:[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+"),
    # ALTER ROLE ... PASSWORD '...'
    re.compile(r"((?i:\bpassword)\s{1,9}')[^'\n]+(')"),
    # PGPASSWORD=..., password=... in a connection string, "secret": "..." in JSON.
    re.compile(
        r"((?i:(?<![\w-])[\w-]{0,64}(?:password|passwd|secret|token|api[_-]?key))"
        r"[\"']?\s{0,9}[=:]\s{0,9}[\"']?)(?!\[redacted\]|\*+)[^\s\"'&,;<>$(){}|]{4,}()"
    ),
)


# Something of this is in every text that a pattern could match. Most texts have
# none of it, and one search is a tenth of what all patterns cost.
_SUSPECT = re.compile(
    r"(?i)://|private key|bearer|basic|[srp]k_|whsec_|pdl_|akia|asia|gh[pousr]_|github_pat_"
    r"|xox|eyj|scram|passw|secret|token|api[_-]?key"
)


@dataclass(frozen=True, slots=True)
class Step:
    """One command, or one script as a whole, with what came of it."""

    command: str
    stdout: str = ""
    stderr: str = ""
    """Empty where both streams were taken as one."""

    exit_code: int | None = None
    """Its status; None when it was ended or never ended."""

    duration_s: float = 0.0
    line: int = 0
    """1-based source line of the command; 0 where that says nothing."""

    expected: str | None = None
    """What the page says it prints; None where the page says nothing."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one result rests on."""

    id: str
    """The snippet's id, or the scenario's for a drill."""

    scenario: str
    backend: str
    status: str
    host: str = ""
    user: str = ""
    path: str = ""
    line: int = 0
    reason: str = ""
    started: str = ""
    """UTC, ISO 8601 with seconds."""

    duration_s: float = 0.0
    commit: str = ""
    digest: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    more: Mapping[str, str] = field(default_factory=dict)
    """Further texts by title: a service's log, the prober's account."""


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """The text without secrets: the given values, and what looks like one.

    A given value is also found URL-encoded and in base64. Patterns cover passwords
    in URLs and connection strings, Bearer tokens, private keys and the keys of the
    services in the stack.
    """
    for form in _forms(tuple(secrets)):
        text = text.replace(form, REDACTED)
    if not _SUSPECT.search(text):
        return text
    for pattern in _PATTERNS:
        shown = rf"\1{REDACTED}\2" if pattern.groups else REDACTED
        text = pattern.sub(shown, text)
    return text


@lru_cache(maxsize=16)
def _forms(secrets: tuple[str, ...]) -> tuple[str, ...]:
    """Every form in which these values may show, the longest first."""
    forms: set[str] = set()
    for secret in secrets:
        # A password file ends in a newline that commands do not print.
        if value := secret.strip():
            forms |= {value, quote(value, safe=""), json.dumps(value)[1:-1]}
            forms.add(base64.b64encode(value.encode()).decode())
    return tuple(sorted(forms, key=len, reverse=True))


def cap(text: str, head_bytes: int = HEAD_BYTES, tail_bytes: int = TAIL_BYTES) -> str:
    """The text, with the middle left out when it is very long, and saying so.

    Args:
        text: What is kept.
        head_bytes: How much of its beginning.
        tail_bytes: How much of its end; 1 at least.
    """
    data = text.encode()
    left_out = len(data) - head_bytes - tail_bytes
    if left_out <= 0:
        return text
    head = data[:head_bytes].decode("utf-8", "replace")
    tail = data[-tail_bytes:].decode("utf-8", "replace")
    return f"{head}\n[... {left_out} bytes left out ...]\n{tail}"


def file_of(backend: str, scenario: str, id: str) -> str:
    """Name of an evidence file relative to the evidence folder.

    Args:
        backend: Name of the backend.
        scenario: The scenario's id, `docname#name`.
        id: The snippet's id, `docname#name`; the scenario's own for a drill.
    """
    page, _, place = scenario.partition("#")
    name = "_drill" if id == scenario else _plain(id.partition("#")[2])
    folders = "/".join(_plain(part) for part in page.split("/"))
    return f"{_plain(backend)}/{folders}/{_plain(place)}/{name}.json"


def write(folder: Path, evidence: Evidence, secrets: Sequence[str] = ()) -> str:
    """Writes an evidence file, redacted and capped, and returns its relative name.

    Args:
        folder: The evidence folder, `build/evidence`.
        evidence: What to write, as captured.
        secrets: Values that must not show, beside what looks like a secret.
    """
    name = file_of(evidence.backend, evidence.scenario, evidence.id)
    path = os.path.join(folder, name)
    cleaned = _clean(evidence, secrets)
    text = json.dumps({"version": VERSION, **records.plain(cleaned)}, ensure_ascii=False) + "\n"
    files.replace(path, text)
    return name


def read(path: Path) -> Evidence:
    """Reads one evidence file.

    Raises:
        HarnessError: `unreadable-evidence` when it is missing or damaged.
    """
    try:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if data.pop("version") != VERSION:
            raise ValueError("another version")
        return records.record(Evidence, data, "the evidence")
    except (OSError, ValueError, TypeError, KeyError, AttributeError, ShapeError) as error:
        raise HarnessError(
            "unreadable-evidence",
            "the report names this file, and it is missing or damaged.",
            where=Where(path.as_posix()),
            hint="Run `nox -s doctest -- --fresh`; evidence is written anew.",
        ) from error


def _clean(evidence: Evidence, secrets: Sequence[str]) -> Evidence:
    def clean(text: str) -> str:
        if not text:
            return text
        # Bytes that were not UTF-8 come as lone surrogates; they are shown as U+FFFD.
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        # A cut could leave half a secret that nothing recognises: redact first.
        return cap(redact(text, secrets))

    return replace(
        evidence,
        reason=clean(evidence.reason),
        steps=tuple(
            replace(
                step,
                command=clean(step.command),
                stdout=clean(step.stdout),
                stderr=clean(step.stderr),
                expected=None if step.expected is None else clean(step.expected),
            )
            for step in evidence.steps
        ),
        more={title: clean(text) for title, text in evidence.more.items()},
    )


def _plain(name: str) -> str:
    """A name that is the same on every file system; other characters become a dash."""
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".") or "-"
    if safe == name:
        return safe
    # Two names must not meet in one file.
    return f"{safe}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
