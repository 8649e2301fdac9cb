"""Orders a page's blocks into scenarios and holds them against each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta

from drillbook import digests
from drillbook.errors import PageError, Where
from drillbook.model import Drill, Scenario, Snippet
from drillbook.pages import effects, rules
from drillbook.pages.blocks import Block, DrillHead, Extract, Tab
from drillbook.pages.extract import slug

LONGEST_SKIP = timedelta(days=90)
_Key = tuple[str, tuple[Tab, ...]]


def make(docname: str, found: Extract, services: Sequence[str]) -> tuple[Scenario, ...]:
    """The scenarios of a page; their snippets' digests do not yet cover stack and engine.

    The blocks outside drills and tabs are one scenario, each drill and each
    alternative of a tab-set another. An alternative begins with what its scenario
    holds before the tab-set; what follows a tab-set does not depend on it. Tabs that
    are chosen together (`sync`) are one alternative: a reader who goes that way also
    does what stands between the sets.
    """
    named = {block.name: block for block in found.blocks}
    heads = {head.name: head for head in found.drills}
    own: dict[_Key, list[Block]] = {}
    prefixes: dict[_Key, list[Block]] = {}

    def so_far(key: _Key) -> list[Block]:
        if key not in prefixes:
            drill, tabs = key
            if tabs:
                before = so_far((drill, tabs[:-1]))
            elif drill in heads:
                before = [named[name] for name in heads[drill].options.uses if name in named]
            else:
                before = []
            prefixes[key] = before
        return prefixes[key] + own.get(key, [])

    passed: dict[_Key, int] = {}
    for block in found.blocks:
        key = (block.drill, block.tabs)
        so_far(key)
        mine = own.setdefault(key, [])
        if block.tabs:
            outside = so_far((block.drill, block.tabs[:-1]))
            mine += outside[passed.get(key, len(prefixes[key])) :]
            passed[key] = len(outside)
        mine.append(block)

    taken = {"page", *named, *heads}
    scenarios: list[Scenario] = []
    for key in own:
        drill, tabs = key
        name = _scenario_name(drill, tabs, taken)
        head = heads.get(drill)
        title = " / ".join(tab.title for tab in tabs)
        more = head.options.stack if head else ()
        scenarios.append(
            _scenario(
                docname,
                Scenario(
                    id=f"{docname}#{name}",
                    kind="tab" if tabs else "drill" if drill else "page",
                    title=title or (head.title if head else found.title),
                    snippets=(),
                    prefix=len(prefixes[key]),
                    drill=_drill(head) if head else None,
                    services=tuple(dict.fromkeys((*services, *more))),
                ),
                so_far(key),
            )
        )
    return tuple(scenarios)


def _scenario_name(drill: str, tabs: Sequence[Tab], taken: set[str]) -> str:
    if not tabs:
        return drill or "page"
    wanted = slug(" ".join([drill, *(tab.title for tab in tabs)]))
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted}-{number}"
    taken.add(name)
    return name


def _drill(head: DrillHead) -> Drill:
    found = head.options
    return Drill(
        head.name,
        found.fault,
        found.rto_s,
        found.people_s,
        found.rpo_s,
        head.where.line,
    )


def _scenario(docname: str, empty: Scenario, blocks: Sequence[Block]) -> Scenario:
    chain = digests.chain(
        empty.services,
        empty.drill,
        ((block.language.name, block.text, block.options) for block in blocks),
    )
    return replace(
        empty,
        snippets=tuple(
            Snippet(
                id=f"{docname}#{block.name}",
                name=block.name,
                language=block.language.name,
                path=block.where.path,
                line=block.where.line,
                text=block.text,
                options=block.options,
                digest=digest,
            )
            for block, digest in zip(blocks, chain, strict=True)
        ),
    )


def check(found: Extract, tools: effects.Tools = effects.NONE) -> Iterator[PageError]:
    """Everything wrong with the page's snippets and drills, each and together.

    Args:
        found: What the page holds.
        tools: What the stack's own programs do.
    """
    yield from _names(found)
    blocks = {block.name: block for block in found.blocks}
    for block in found.blocks:
        yield from rules.check(block.language, block.commands, block.options, block.where, tools)
        yield from _references(block, blocks)
        yield from _skip(block)
        if block.drill:
            yield from _in_drill(block)
    for head in found.drills:
        yield from _uses(head, blocks)
        if not any(block.drill == head.name for block in found.blocks):
            yield PageError(
                "empty-drill", f"The drill `{head.name}` has no snippets.", where=head.where
            )


def hosts(found: Extract) -> Iterator[tuple[str, Where, tuple[str, ...]]]:
    """Each host that a block is typed on, the place, and the services of its drill."""
    more = {head.name: head.options.stack for head in found.drills}
    for block in found.blocks:
        if "on" in block.option_lines:
            yield block.options.on, block.at("on"), more.get(block.drill, ())


def _names(found: Extract) -> Iterator[PageError]:
    first: dict[str, Where] = {}
    places = [(head.name, head.where) for head in found.drills]
    places += [(block.name, block.at("name")) for block in found.blocks]
    for name, where in places:
        if name == "page":
            yield PageError(
                "bad-name",
                "`page` is the name of the page's main scenario.",
                where=where,
                hint="Choose another name.",
            )
        elif name in first:
            yield PageError(
                "duplicate-name",
                f"The name `{name}` is already taken at {first[name]}.",
                where=where,
                hint="A name is one snippet's or drill's of the page.",
            )
        else:
            first[name] = where


def _references(block: Block, blocks: dict[str, Block]) -> Iterator[PageError]:
    for option, name in (("undo", block.options.undo), ("refusal-of", block.options.refusal_of)):
        if name and (name not in blocks or name == block.name):
            yield PageError(
                "unknown-snippet",
                f"`{option}` names `{name}`, which is no other snippet of this page.",
                where=block.at(option),
                hint=f"The page's snippets are {', '.join(sorted(blocks))}.",
            )
    guarded = blocks.get(block.options.refusal_of)
    if guarded is not None and _typed(guarded) != _typed(block):
        yield PageError(
            "refusal-differs",
            f"The commands are not those of `{guarded.name}`, so its guard is not what is tried.",
            where=block.where,
            hint="Copy its commands unchanged; only the expected output may differ.",
        )
    if block.options.refusal_of and block.options.effect not in ("", "read"):
        yield PageError(
            "bad-option",
            "A refusal changes nothing, so its effect is read.",
            where=block.at("effect"),
            hint="Leave `effect` out.",
        )


def _typed(block: Block) -> tuple[str, str, tuple[str, ...]]:
    """What a reader types, and where."""
    texts = tuple(command.text for command in block.commands) or (block.text,)
    return block.language.name, block.options.on, texts


def _skip(block: Block) -> Iterator[PageError]:
    given, options = block.option_lines, block.options
    if "skip" in given and not options.skip:
        yield PageError(
            "skip-without-reason",
            "The block is skipped, and nothing says why.",
            where=block.at("skip"),
            hint="Write `:skip: <why it is not run>`.",
        )
    if "until" in given and "skip" not in given:
        yield PageError(
            "skip-without-reason",
            "`until` ends a skip, and no `skip` says why the block is not run.",
            where=block.at("until"),
            hint="Write `:skip: <why it is not run>`.",
        )
    if "skip" in given and not options.until:
        yield PageError(
            "skip-without-until",
            "The block is skipped without an end.",
            where=block.at("skip"),
            hint="Write `:until: YYYY-MM-DD`, at most 90 days ahead.",
        )


def check_skip(until: str, where: Where, today: date) -> PageError | None:
    """What is wrong with the end of a skip as of today, if anything is."""
    end = date.fromisoformat(until)
    if end < today:
        return PageError(
            "skip-expired",
            f"The skip ended on {until}.",
            where=where,
            hint="Let the block run, or find a new reason and a new end.",
        )
    if end - today > LONGEST_SKIP:
        return PageError(
            "skip-too-long",
            f"The skip lasts until {until}, more than {LONGEST_SKIP.days} days.",
            where=where,
            hint=f"The latest end is {(today + LONGEST_SKIP).isoformat()}.",
        )
    return None


def _in_drill(block: Block) -> Iterator[PageError]:
    if not block.named:
        yield PageError(
            "name-required",
            f"Each snippet of the drill `{block.drill}` has a name.",
            where=block.where,
            hint="Write `:name: <what it does>`.",
        )
    options = block.options
    if options.refusal_of:
        return
    if not options.effect:
        yield PageError(
            "effect-required",
            f"Each snippet of the drill `{block.drill}` says what it does to the stack.",
            where=block.where,
            hint="Write `:effect: read`, `write` or `destructive`.",
        )
    if options.effect in ("write", "destructive") and not (options.undo or options.irreversible):
        yield PageError(
            "undo-required",
            f"The snippet's effect is {options.effect}, and nothing says how to take it back.",
            where=block.at("effect"),
            hint="Write `:undo: <snippet>` or `:irreversible: <why>`.",
        )


def _uses(head: DrillHead, blocks: dict[str, Block]) -> Iterator[PageError]:
    for name in head.options.uses:
        block = blocks.get(name)
        if block is None or block.drill or block.tabs:
            problem = "is no snippet of this page" if block is None else "stands in a drill or tab"
            yield PageError(
                "unknown-snippet",
                f"The drill uses `{name}`, which {problem}.",
                where=head.where,
                hint="It uses snippets that stand on the page outside drills and tabs.",
            )
