"""What the facilitator of a game day reads: the situation, and what players must not see."""

from __future__ import annotations

from dataclasses import dataclass

from drillbook.model import Drill, Page, Scenario, Snippet
from drillbook.site.wording import seconds


@dataclass(frozen=True, slots=True)
class Hint:
    """What the facilitator may say once a team has spent so much time."""

    after_s: float
    text: str


def situation(seen: str, served_when: str) -> str:
    """What is read aloud: what users see, and nothing of why.

    Args:
        seen: The error text that users meet, as the prober last had it.
        served_when: When users count as served, in the words of the oracle.
    """
    return f"Users meet: {seen or 'no answer'}.\nThey are served again when: {served_when}"


def hints(page: Page, scenario: Scenario, drill: Drill) -> tuple[Hint, ...]:
    """Hints in order of time, each worth more than the one before.

    They come at a quarter, a half and three quarters of the time that the drill aims at, and
    the last one at its end: a team that needs it has missed the objective.
    """
    own = scenario.snippets[scenario.prefix :]
    looks = [snippet for snippet in own if snippet.options.effect == "read"]
    acts = [s for s in own if s.options.effect in ("write", "destructive")]
    texts = (
        f"Look again: {_named(looks[:1])}." if looks else "Look at what is still running.",
        f"The page is `{page.docname}`.",
        f"Act with {_named(acts[:1])}." if acts else "Nothing has to be changed.",
        "The whole way: " + _named(own) + ".",
    )
    return tuple(
        Hint(drill.rto_s * part / len(texts), text) for part, text in enumerate(texts, start=1)
    )


def sheet(page: Page, scenario: Scenario, drill: Drill, aloud: str) -> str:
    """The facilitator's sheet as text, players' part first.

    Args:
        page: Where the drill stands.
        scenario: The drill's.
        drill: Its fault and objectives.
        aloud: What `situation` gave.
    """
    given = "\n".join(
        f"  after {seconds(hint.after_s)}: {hint.text}" for hint in hints(page, scenario, drill)
    )
    lost = f"up to {seconds(drill.rpo_s)} of writes" if drill.rpo_s else "none"
    return "\n".join(
        (
            "READ ALOUD",
            *(f"  {line}" for line in aloud.splitlines()),
            "",
            "FOR YOU ALONE",
            f"  Fault: {drill.fault}",
            f"  Branch to be found: {page.docname} ({scenario.title})",
            f"  Served again within {seconds(drill.rto_s)}, people included",
            f"  Writes lost: {lost}; doubled: none",
            "  Hints, if asked for:",
            given.replace("  after", "    after"),
            "",
        )
    )


def _named(snippets: tuple[Snippet, ...] | list[Snippet]) -> str:
    return ", then ".join(f"`{each.name}` on {each.on}" for each in snippets)
