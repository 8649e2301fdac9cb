"""The matrix of triage: every fault, a healthy stack and pairs, against the branch found.

    python -m tests.stack.matrix [NAME...]

runs the cases of `examples/ops/matrix.yaml` whose names contain one of the words, each in a
sandbox of its own, and writes what was found to `build/triage-matrix.json`. The facts that were
seen are kept in `tests/stack/observed.json`, with the day: `test_ops_observed.py` reads every
tree with them at each change.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from drillbook.drills import faults
from drillbook.sandboxes.local import LocalBackend
from drillbook.sandboxes.local_sandbox import LocalSandbox

ROOT = Path(__file__).parent.parent.parent
sys.path[:0] = [str(ROOT / "examples" / each) for each in ("drills", "ops", "platform")]

from smartbeak_drills.kit import KIT  # noqa: E402
from smartbeak_ops import identity  # noqa: E402

FILE = ROOT / "examples/ops/matrix.yaml"
OBSERVED = Path(__file__).parent / "observed.json"
"""The facts that `sb` saw, by `case @ host`: captured from real runs, never written by hand."""

MOST_S = 10.0
"""Longest that an answer may take."""

SENTINELS = ("sentinel-1", "sentinel-2", "sentinel-3")
USUAL = (
    *("app", "db-1", "db-2", "redis-1", "redis-2", "api", "web", "worker", "worker-eu"),
    *("wordpress", "linkedin"),
)


@dataclass(frozen=True)
class Ask:
    """Where triage is typed, and what it must find."""

    at: str
    branch: str | None
    subject: str = ""


@dataclass(frozen=True)
class Case:
    """A fault, and what it must be taken for."""

    name: str
    asks: Sequence[Ask]
    fault: str = ""
    typed: Sequence[dict[str, str]] = ()
    prober: str = ""
    sentinels: bool = False
    wait: float = 3.0
    stack: Sequence[str] = ()
    """Hosts beside `ops`; the usual ones without."""


@dataclass
class Result:
    """What triage found."""

    case: str
    at: str
    wanted: str | None
    found: str | None
    also: list[str]
    took_s: float
    lines: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def right(self) -> bool:
        """Whether it is the branch, in time."""
        return self.found == self.wanted and self.took_s < MOST_S


def cases() -> list[Case]:
    """All of them."""
    document = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return [
        Case(**{**body, "asks": [Ask(**ask) for ask in body["asks"]]}) for body in document["cases"]
    ]


def run(backend: LocalBackend, case: Case) -> list[Result]:
    """Makes the fault in a sandbox of its own, and asks."""
    hosts = [*(case.stack or USUAL), *(SENTINELS if case.sentinels else ())]
    box = backend.open(["ops", *hosts], label="triage")
    try:
        if case.prober:
            argv = ["python3", "-m", "smartbeak_drills.prober", "--oracle", case.prober]
            argv += ["--config", "/etc/smartbeak/platform.env", "--hosts", ",".join(box.hosts)]
            box.host("app").request(
                "spawn", timeout_s=5, name="prober", argv=[*argv, "--nodes", "db-1,db-2"]
            )
            time.sleep(4)
        if case.fault:
            faults.inject(faults.parse(case.fault, KIT), KIT, box)
        for step in case.typed:
            shell(box, step["at"], step["command"])
        time.sleep(case.wait)
        return [ask(box, case, each) for each in case.asks]
    finally:
        box.close()


def ask(box: LocalSandbox, case: Case, wanted: Ask) -> Result:
    """What triage finds now."""
    began = time.monotonic()
    said = shell(box, wanted.at, f"sb triage --json {wanted.subject}")
    took = time.monotonic() - began
    found: dict[str, Any] = json.loads(said)
    return Result(
        case.name, wanted.at, wanted.branch, found["branch"], found["also"], took, found["lines"],
        found["facts"],
    )  # fmt: skip


def shell(box: LocalSandbox, host: str, command: str) -> str:
    """What a command prints; it must work."""
    reply = box.host(host).request("exec", timeout_s=60, argv=["bash", "-c", command], input="")
    if reply["status"] != 0:
        raise RuntimeError(f"{host}: {command}: {reply['stdout']}{reply['stderr']}")
    return str(reply["stdout"])


def main() -> None:
    """Runs the cases that are named, or all."""
    words = sys.argv[1:]
    backend = LocalBackend(ROOT)
    results: list[Result] = []
    for case in cases():
        if words and not any(word in case.name for word in words):
            continue
        try:
            found = run(backend, case)
        except Exception as error:
            print(f"BROKEN {case.name}: {error}", flush=True)
            continue
        for each in found:
            word = "right " if each.right else "WRONG "
            print(f"{word} {each.took_s:4.1f} s  {case.name} ({each.at}): {each.found}", flush=True)
            if not each.right:
                print("\n".join(f"        {line}" for line in each.lines), flush=True)
        results += found
        _keep(found)
    right = sum(each.right for each in results)
    print(f"{right} of {len(results)} right")


def _keep(found: Sequence[Result]) -> None:
    """Adds results to those that are there: each run may be of some cases only."""
    target = ROOT / "build/triage-matrix.json"
    target.parent.mkdir(exist_ok=True)
    known = json.loads(target.read_text()) if target.exists() else {}
    for each in found:
        result = {**asdict(each), "sb": identity.full()}
        del result["facts"]
        known[f"{each.case} @ {each.at}"] = result
    target.write_text(json.dumps(known, indent=1) + "\n")
    observed = json.loads(OBSERVED.read_text()) if OBSERVED.exists() else {}
    today = datetime.now(UTC).date().isoformat()
    for each in found:
        observed[f"{each.case} @ {each.at}"] = {"on": today, "facts": each.facts}
    lines = (f"{json.dumps(name)}: {json.dumps(observed[name], sort_keys=True)}" for name in
             sorted(observed))  # fmt: skip
    OBSERVED.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
