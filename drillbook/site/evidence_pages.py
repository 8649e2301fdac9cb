"""Evidence files as pages that a browser opens without network or scripts."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from markupsafe import Markup

from drillbook import evidence
from drillbook.evidence import Evidence, Step
from drillbook.site import templates
from drillbook.site.wording import seconds

_HTML = templates.macros("evidence")

# Small and within the page: evidence is also read on its own, as a CI artifact.
_STYLE = """
:root { color-scheme: light dark; --ink: #1c2128; --soft: #57606a; --line: #d0d7de;
  --ground: #fff; --code: #f6f8fa; --bad: #b42318; --link: #0b5a8a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8eb; --soft: #9aa4af;
  --line: #3a424c; --ground: #131416; --code: #1c1f23; --bad: #ff8f80; --link: #7dbbe6; } }
body { margin: 0 auto; max-width: 60rem; padding: 1.5rem 1rem 4rem; color: var(--ink);
  background: var(--ground); font: 16px/1.5 system-ui, sans-serif; }
a { color: var(--link); }
h1 { font-size: 1.25rem; margin: 0 0 .5rem; overflow-wrap: anywhere; }
h2 { font-size: .8rem; margin: .75rem 0 .25rem; color: var(--soft); font-weight: 600; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: 0 0 1rem; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
section { border-top: 1px solid var(--line); margin-top: 1.25rem; padding-top: .75rem; }
pre { margin: 0; padding: .6rem .75rem; overflow-x: auto; background: var(--code);
  border-radius: 4px; font: .85rem/1.45 ui-monospace, SFMono-Regular, Menlo, monospace; }
pre.typed { background: none; padding: 0; font-weight: 600; white-space: pre-wrap;
  overflow-wrap: anywhere; }
.end { color: var(--soft); margin: .35rem 0 0; font-size: .85rem; }
.reason { color: var(--bad); }
"""

LARGEST = 200_000
"""Bytes of a page, about: what a failed block with long logs must not exceed on a phone."""

_SHARES = (48 * 1024, 12 * 1024, 3 * 1024, 512)
"""Of each text the beginning is shown to so many bytes, and a third of them of the end."""


def page_of(file: str) -> str:
    """Name of the page of an evidence file."""
    return file.removesuffix(".json") + ".html"


def write_all(source: Path, target: Path, files: Iterable[str], icon: str = "") -> int:
    """Writes the pages of these evidence files that are missing or older than them.

    Args:
        source: The folder of the evidence files.
        target: The folder of the pages.
        files: Names relative to `source`.
        icon: The site's, relative to its folder; empty where it has none.

    Returns:
        The number of pages written.
    """
    written = 0
    made: set[Path] = set()
    for file in sorted(files):
        page, path = target / page_of(file), source / file
        if _age(page) >= path.stat().st_mtime_ns:
            continue
        if page.parent not in made:
            page.parent.mkdir(parents=True, exist_ok=True)
            made.add(page.parent)
        root = "../" * (file.count("/") + 1)
        page.write_text(render(evidence.read(path), root, icon), encoding="utf-8")
        written += 1
    return written


def _age(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return -1


def render(found: Evidence, root: str = "../", icon: str = "") -> str:
    """One evidence file as a whole HTML page.

    Where it would be too large, the middle of its long texts is left out, and it says so; the
    file itself has them.

    Args:
        found: The evidence.
        root: How to get from the page to the site's folder, for the link back to the block.
        icon: The site's, relative to that folder; empty where it has none.
    """
    facts = {
        "result": found.status,
        "block" if found.id != found.scenario else "drill": found.id,
        "scenario": found.scenario if found.id != found.scenario else "",
        "run on": f"{found.started} · {found.backend}" if found.started else found.backend,
        "run on host": found.host + (f" as {found.user}" if found.user else ""),
        "took": seconds(found.duration_s) if found.duration_s else "",
        "versions": ", ".join(f"{name} {version}" for name, version in found.versions.items()),
        "commit": found.commit,
        "page": f"{found.path}:{found.line}" if found.path else "",
        "digest": found.digest,
    }
    page = ""
    for share in _SHARES:
        page = str(
            _HTML.page(
                title=found.id,
                style=Markup(_STYLE),
                back=root + _place(found),
                icon=root + icon if icon else "",
                facts=facts,
                reason=_cut(found.reason, share),
                steps=[
                    ([(name, _cut(text, share)) for name, text in _texts(step)], _end(step))
                    for step in found.steps
                ],
                more={name: _cut(text, share) for name, text in found.more.items()},
            )
        )
        if len(page.encode()) <= LARGEST:
            break
    return page


def _cut(text: str, share: int) -> str:
    return evidence.cap(text, share, share // 3)


def _place(found: Evidence) -> str:
    """Where the mark stands."""
    page, _, name = found.id.partition("#")
    kind = "drill" if found.id == found.scenario else "snippet"
    return f"{page}.html#{kind}-{name}" if name else f"{page}.html"


def _texts(step: Step) -> list[tuple[str, str]]:
    """What was typed, then each text that came of it, by its name."""
    texts = [("", step.command.rstrip())]
    said = (("standard output", step.stdout), ("standard error", step.stderr))
    texts += [(name, text) for name, text in said if text]
    if step.expected is not None and step.expected.rstrip() != step.stdout.rstrip():
        texts.append(("the page expects", step.expected or "(nothing)"))
    return texts


def _end(step: Step) -> str:
    status = "ended from outside" if step.exit_code is None else f"status {step.exit_code}"
    line = f" · line {step.line}" if step.line else ""
    return f"{status} · {seconds(step.duration_s)}{line}"
