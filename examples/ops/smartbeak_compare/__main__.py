"""`compare-names SUBJECT [NAME...]`: what differs between the facts and the running stack."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from smartbeak_compare.known import EXPECTED, FACTS, Facts, Said, plain
from smartbeak_compare.seen import SEEN

FOLDER = Path(__file__).resolve().parent.parent.parent


def main(argv: Sequence[str]) -> int:
    """Compares one subject, all of it or the names given.

    Returns:
        0, or 1 where something differs, or 2 where nothing can be compared.
    """
    subject, *names = argv or ("",)
    if subject not in EXPECTED:
        print(f"usage: compare-names {'|'.join(EXPECTED)} [NAME...]", file=sys.stderr)
        return 2
    facts = Facts(FOLDER)
    expected = EXPECTED[subject][0](facts)
    typed = {plain(name) for name in expected}
    if unknown := [name for name in names if name not in typed]:
        print(f"{subject} has no {', '.join(unknown)} to compare", file=sys.stderr)
        return 2
    wanted = {name: about for name, about in expected.items() if not names or plain(name) in names}
    different = list(differences(subject, facts, wanted, SEEN[subject](facts), set(expected)))
    for line in different:
        print(line, file=sys.stderr)
    if different:
        return 1
    print(f"{subject}: {len(wanted)} compared, none differs, none is unknown")
    return 0


def differences(
    subject: str, facts: Facts, wanted: Said, seen: Said, known: set[str]
) -> Iterator[str]:
    """A line for each, with the line of the facts.

    Args:
        subject: What is compared.
        facts: The lists.
        wanted: What must be there.
        seen: What is there.
        known: What may be there.
    """
    section = EXPECTED[subject][1]
    for name, about in wanted.items():
        at = f"examples/{FACTS}:{facts.line(section, name.split(' ')[-1])}: {subject}: {name}"
        if name not in seen:
            yield f"{at} is not on the stack"
            continue
        for what in {**about, **seen[name]}:
            said, is_ = about.get(what, "nothing"), seen[name].get(what, "nothing")
            if said != is_:
                yield f"{at}: {what}: the facts say {said}, the stack has {is_}"
    for name in sorted(set(seen) - known):
        at = f"examples/{FACTS}:{facts.line(section, '')}: {subject}: {name}"
        yield f"{at} of the stack is not in the facts"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
