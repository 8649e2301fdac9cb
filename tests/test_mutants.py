"""Which changes of a page must turn it red, and what is said of one that does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from drillbook.cli import main
from drillbook.runs import mutants
from drillbook.sandboxes.local import LocalBackend
from tests.sphinx_book import block
from tests.test_bad_input import Front

GUARD = """\
refused() { echo "REFUSED: $*"; return 1; }
may_act() {
  [[ $1 != primary ]] || refused "$1 is the primary" || return
  [[ $1 != absent ]] || refused "$1 is not there"
}
"""
ACTS = '$ may_act "$server" && echo done'


def page(*refusals: str) -> str:
    """A page with a guard of two reasons, and refusals for some of them."""
    parts = [f"```{{code-block}} bash\n:name: guard\n\n{GUARD}server=replica\n```\n"]
    parts.append(block(f"{ACTS}\ndone", "name: act", "effect: write", "irreversible: so it is"))
    for number, server in enumerate(refusals):
        said = {"primary": "is the primary", "absent": "is not there"}[server]
        parts.append(block(f"$ server={server}", f"name: choose-{number}"))
        parts.append(
            block(
                f"{ACTS}\nREFUSED: {server} {said}",
                f"name: refused-{number}",
                "refusal-of: act",
                "exit-code: 1",
            )
        )
    return "\n".join(parts)


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Front:
    made = Front(tmp_path / "book")
    made.put("examples/compose.yaml", "services:\n  ops: {}\n")
    monkeypatch.chdir(made.root)
    return made


def test_each_guard_and_each_reason_is_a_mutant(book: Front) -> None:
    book.add("page", page("primary"), stack="ops")
    plan = book.plan()
    found = mutants.of_page(next(p for p in plan.pages if p.docname == "page"), book.root)
    assert [each.what for each in found] == [
        'may_act does not refuse: [[ $1 != primary ]] || refused "$1 is the primary" || return',
        'may_act does not refuse: [[ $1 != absent ]] || refused "$1 is not there"',
        'the guard `may_act "$server"` is dropped',
    ]
    # The refusal is the same block: the guard goes from both.
    assert [len(each.edits) for each in found] == [1, 1, 2]


@pytest.mark.parametrize(
    ("refusals", "status", "survived"), [(("primary",), 1, 1), (("primary", "absent"), 0, 0)]
)
def test_a_reason_that_no_block_proves_survives(
    book: Front,
    local_backend: LocalBackend,
    capsys: pytest.CaptureFixture[str],
    refusals: tuple[str, ...],
    status: int,
    survived: int,
) -> None:
    book.add("page", page(*refusals), stack="ops")
    assert main(["mutate", "--page", "page"]) == status
    said = capsys.readouterr().out
    assert said.count("SURVIVED") == survived
    assert f"{3 - survived} of 3 mutants turned their page red" in said


def test_a_page_without_a_guard_has_none(book: Front, capsys: pytest.CaptureFixture[str]) -> None:
    book.add("page", block("$ true", "name: a"), stack="ops")
    assert main(["mutate", "--page", "page"]) == 5
    assert capsys.readouterr().err == "nothing-selected: no such page has a guard\n"


def test_a_programs_guard_that_refuses_on_a_page_beside_is_no_mutant(book: Front) -> None:
    step = block("$ sb may act 1 && echo done\ndone", "effect: write", "irreversible: so it is")
    refused = block("$ sb may act 2\nREFUSED: no", "effect: read", "exit-code: 1")
    let_through = block("$ sb may act 2", "effect: read")

    def found(**pages: str) -> list[str]:
        for old in (book.root / "source").rglob("*.md"):
            old.unlink()
        book.put("source/index.md", "# Book\n\n```{toctree}\n:glob:\n\n**\n```\n")
        for name, body in pages.items():
            book.add(name.replace("_", "/"), f"# {name}\n\n{body}", stack="ops")
        plan = book.plan()
        page = next(p for p in plan.pages if p.docname == "hub/branch")
        assert [guard for _, guard in mutants.asked(page)] == [("sb", "may", "act")]
        return [each.what for each in mutants.of_page(page, book.root, plan.pages)]

    dropped = ["the guard `sb may act 1` is dropped"]
    assert found(hub_branch=step) == dropped
    assert found(hub_branch=step, hub_never=refused) == []
    # Another runbook's, one that was let through, and another guard say nothing of this one.
    assert found(hub_branch=step, other_never=refused) == dropped
    assert found(hub_branch=step, hub_never=let_through) == dropped
    assert found(hub_branch=step, hub_never=refused.replace("may act", "may be")) == dropped
