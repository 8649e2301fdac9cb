"""The matrix of triage: every fault, a healthy stack and pairs, against the branch found.

    python -m tests.stack.matrix [--at-once N] [NAME...]

runs the cases of `examples/ops/matrix.yaml` whose names contain one of the words, each in a
sandbox of its own, and writes what was found to `build/triage-matrix.json`. The facts that were
seen are kept in `examples/ops/observed.json`, with the day and the case: `test_ops_observed.py`
reads every tree with them at each change, and `about/triage` shows what each leads to.

It ends with 1 below the bar: 95 of 100 right, and none sent to a branch that is not meant.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from drillbook.drills import faults
from drillbook.sandboxes.local import LocalBackend
from drillbook.sandboxes.local_sandbox import LocalSandbox

ROOT = Path(__file__).parent.parent.parent
sys.path[:0] = [str(ROOT / "examples" / each) for each in (".", "drills", "ops", "platform")]

from smartbeak_book.matrix import made_of  # noqa: E402
from smartbeak_drills.kit import KIT  # noqa: E402
from smartbeak_ops import identity  # noqa: E402

FILE = ROOT / "examples/ops/matrix.yaml"
OBSERVED = ROOT / "examples/ops/observed.json"
"""The facts that `sb` saw, by `case @ host`: captured from real runs, never written by hand."""

LEAST_RIGHT = 0.95

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


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the cases that are named, or all; returns the exit status."""
    parser = argparse.ArgumentParser(prog="tests.stack.matrix", description="Triage, tried.")
    parser.add_argument("--at-once", type=int, default=os.cpu_count() or 1, metavar="N")
    parser.add_argument("names", nargs="*", help="words of cases; without: all")
    options = parser.parse_args(argv)
    wanted = [
        case
        for case in cases()
        if not options.names or any(word in case.name for word in options.names)
    ]
    results: list[Result] = []
    broken = 0
    # A sandbox forks: threads of one process would be in each other's way.
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.at_once, mp_context=spawn) as pool:
        running = {pool.submit(_alone, case.name): case for case in wanted}
        for done in as_completed(running):
            case = running[done]
            try:
                found = done.result()
            except Exception as error:
                broken += 1
                print(f"BROKEN {case.name}: {error}", flush=True)
                continue
            for each in found:
                _say(each)
            results += found
            _keep(case, found)
    right = sum(each.right for each in results)
    print(f"{right} of {len(results)} right, {broken} cases broken")
    astray = [each for each in results if each.found not in (None, each.wanted)]
    for each in astray:
        print(f"sent astray: {each.case} ({each.at}): {each.found}")
    asked = sum(len(case.asks) for case in wanted)
    return 1 if astray or right < LEAST_RIGHT * asked else 0


def _alone(name: str) -> list[Result]:
    """One case, in a process of its own."""
    return run(LocalBackend(ROOT), next(case for case in cases() if case.name == name))


def _say(result: Result) -> None:
    word = "right " if result.right else "WRONG "
    print(f"{word} {result.took_s:4.1f} s  {result.case} ({result.at}): {result.found}", flush=True)
    if not result.right:
        print("\n".join(f"        {line}" for line in result.lines), flush=True)


def _keep(case: Case, found: Sequence[Result]) -> None:
    """Adds results to those that are there: each run may be of some cases only."""
    target = ROOT / "build/triage-matrix.json"
    target.parent.mkdir(exist_ok=True)
    known = json.loads(target.read_text()) if target.exists() else {}
    observed = json.loads(OBSERVED.read_text()) if OBSERVED.exists() else {}
    today = datetime.now(UTC).date().isoformat()
    for each in found:
        result = {**asdict(each), "sb": identity.full()}
        name = f"{each.case} @ {each.at}"
        observed[name] = {
            "on": today,
            "of": made_of({"fault": case.fault, "typed": case.typed}),
            "took_s": round(each.took_s, 1),
            "facts": result.pop("facts"),
        }
        known[name] = result
    target.write_text(json.dumps(known, indent=1) + "\n")
    lines = (f"{json.dumps(name)}: {json.dumps(observed[name], sort_keys=True)}" for name in
             sorted(observed))  # fmt: skip
    OBSERVED.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    sys.exit(main())
