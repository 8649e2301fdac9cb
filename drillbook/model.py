"""The frozen records that cross module boundaries; standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

ScenarioKind = Literal["page", "drill", "tab"]
Status = Literal["passed", "failed", "error", "skipped", "not-run"]
Control = Literal["stayed-down", "recovered", "not-run"]
Effect = Literal["", "read", "write", "destructive"]

OPERATOR = "ops"
"""The operator's machine, unless the stack names another: where a snippet is typed that does
not say where."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a page says of one snippet beside its text (see `drillbook.pages.options`)."""

    on: str = OPERATOR
    """Host on which the snippet is typed."""

    skip: str = ""
    """Why the snippet is not run; empty when it is."""

    until: str = ""
    """ISO date after which a skip is refused."""

    timeout_s: float = 120.0
    """Seconds each command may take."""

    exit_code: int = 0
    """Status the block's last command must end with."""

    stderr: bool = False
    """Whether both streams, as a terminal shows them, are compared."""

    eventually_s: float = 0.0
    """Seconds a read-only block may be repeated until it holds; 0 for one try."""

    effect: Effect = ""
    """What the snippet does to the stack; empty where a page need not say (no drill)."""

    undo: str = ""
    """Name of the snippet that takes this one back."""

    irreversible: str = ""
    """Why nothing takes this snippet back."""

    refusal_of: str = ""
    """Name of the guarded snippet whose very text is run here to see it refuse."""

    optional: str = ""
    """Why a drill may pass without this write step; empty when it may not."""

    needs_fix: tuple[str, ...] = ()
    """Numbers of the platform's defects, ascending, that the snippet needs mended, as
    the reference platform has them; the snippet is then no better than simulated."""


@dataclass(frozen=True, slots=True)
class Snippet:
    """One executable block with its expectation, as one scenario runs it."""

    id: str
    """`docname#name`, unique in the book."""

    name: str
    """The block's name: its `:name:`, else heading slug and ordinal."""

    language: str
    """A name of `drillbook.pages.languages`."""

    path: str
    """Source file relative to the project."""

    line: int
    """1-based line of the first line of `text` in `path`."""

    text: str
    """The block as rendered, whole, ending in one newline. A console block holds
    its commands and its expected output; `drillbook.pages.console` takes them apart."""

    options: Options = field(default_factory=Options)

    digest: str = ""
    """Hex digest of all that decides the result: text, options, predecessors in
    this scenario, fault and objectives, stack files, engine."""

    @property
    def on(self) -> str:
        """Host on which the snippet is typed."""
        return self.options.on


@dataclass(frozen=True, slots=True)
class Drill:
    """The objectives and the fault of a drill section."""

    name: str
    """Unique on its page."""

    fault: str
    """Fault expression, e.g. `kill db-1` (see `drillbook.drills.faults`)."""

    rto_s: float
    """Seconds within which the service must be back, people included."""

    people_s: float
    """Seconds of `rto_s` that are left to people: noticing, deciding, typing."""

    rpo_s: float
    """Seconds of acknowledged writes that may be lost."""

    line: int
    """1-based line of the drill directive."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """Snippets that run in order in one sandbox."""

    id: str
    """`docname#page`, `docname#<drill>` or `docname#<tab slug>`."""

    kind: ScenarioKind
    title: str
    snippets: tuple[Snippet, ...]
    """In order of running. The first `prefix` of them belong to another scenario
    (a context block, or what stands before a tab-set) and are run here again."""

    prefix: int = 0
    drill: Drill | None = None
    services: tuple[str, ...] = ()
    """Services of the stack that it needs: the page's, then its drill's own."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the plan."""

    docname: str
    path: str
    owner: str
    review_cycle: str
    last_reviewed: str
    stack: tuple[str, ...]
    """Services the page's scenarios need; names of `examples/compose.yaml`."""

    scenarios: tuple[Scenario, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that can be run, in order."""

    version: int
    inputs: Mapping[str, str]
    """Digest of every file the plan was made from, by path."""

    pages: tuple[Page, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one snippet in one scenario."""

    id: str
    """The snippet's id."""

    scenario: str
    """The scenario's id."""

    digest: str
    status: Status
    reason: str = ""
    """Why it is not passed: one line first, details after."""

    exit_code: int | None = None
    duration_s: float = 0.0
    started: str = ""
    """UTC, ISO 8601 with seconds."""

    path: str = ""
    line: int = 0
    """Where it failed, else where the snippet stands."""

    evidence: str = ""
    """File under `build/evidence/`, relative to it."""

    waited_s: float = 0.0
    """How long an `eventually` block took until it held."""

    simulated: tuple[str, ...] = ()
    """Simulated services that the snippet was typed on or that its text names."""

    commit: str = ""
    """Commit it was run at; empty where the report's own says so."""

    seal: str = ""
    """Digest over the record and its evidence; see `drillbook.seals`."""

    versions: Mapping[str, str] | None = None
    """Versions of the servers that its own scenario had; None where nothing ran."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of one kind of what users did."""

    kind: str
    """In a word: `rows`, `content`, `publishing`."""

    acknowledged: int
    lost: int
    doubled: int
    attempted: int | None = None
    recovered: int | None = None
    """Answered with an error or not at all, and there all the same; None: not known."""

    unexpected: int | None = None
    """There, and never attempted; None: not known."""

    stale: int = 0
    """Reads of something confirmed that was not there or was older."""

    counted: bool = True
    """Whether it could be found out what is there; else the figures above are unknown."""


@dataclass(frozen=True, slots=True)
class DrillResult:
    """What a drill measured."""

    id: str
    """The scenario's id."""

    digest: str
    """Digest of the drill's last snippet: covers the whole drill."""

    fault: str
    status: Status
    reason: str = ""
    rto_s: float = 0.0
    people_s: float = 0.0
    recovered_s: float | None = None
    """Seconds from the fault until the platform's users were served again."""

    rpo_s: float = 0.0
    lost_s: float = 0.0
    """Span of the acknowledged writes that are lost, in seconds."""

    acknowledged: int = 0
    lost: int = 0
    doubled: int = 0
    gap_s: float = 0.0
    """Longest time between two acknowledged writes."""

    accounts: tuple[Tally, ...] = ()
    """By kind of what users did."""

    answers: str = ""
    """How long answers took before, during and after the outage, in words and as a plot of
    characters; empty where nothing is known."""

    control: Control = "not-run"
    """`stayed-down`: without the write steps nothing recovered; `recovered`: the
    drill proves nothing; `not-run`."""

    hosts_contacted: tuple[str, ...] | None = None
    """Names the scenario looked up; None where the backend cannot tell."""

    simulated: tuple[str, ...] = ()
    """Simulated services that were part of the fault, of a command or of what was judged."""

    stood_in: tuple[str, ...] = ()
    """Simulated services that were in the sandbox beside these."""

    started: str = ""
    evidence: str = ""

    commit: str = ""
    """Commit it was run at; empty where the report's own says so."""

    seal: str = ""
    """Digest over the record and its evidence; see `drillbook.seals`."""

    versions: Mapping[str, str] | None = None
    """Versions of the servers that its own scenario had; None where nothing ran."""

    @property
    def back_in_time(self) -> bool:
        """Whether users were served again within the RTO, people's share included."""
        return self.recovered_s is not None and self.recovered_s + self.people_s <= self.rto_s

    @property
    def loss_allowed(self) -> bool:
        """Whether no more was lost than the RPO allows."""
        return self.lost_s <= self.rpo_s


@dataclass(frozen=True, slots=True)
class Report:
    """The results of a backend's runs."""

    version: int
    started: str
    finished: str
    commit: str
    backend: str
    versions: Mapping[str, str]
    """Server versions by service, e.g. `{"postgresql": "15.18"}`."""

    simulated: tuple[str, ...]
    """Services of the stack that only stand in for the real ones."""

    results: tuple[Result, ...]
    drills: tuple[DrillResult, ...]
