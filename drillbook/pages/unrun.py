"""What a page shows and does not run: nothing executable may hide in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes

from drillbook.errors import PageError, Where
from drillbook.pages import options as option_table
from drillbook.pages.blocks import MADE
from drillbook.pages.languages import LANGUAGES, choice
from drillbook.pages.places import Places

HIDDEN = frozenset(
    {
        *("sh", "shell", "shell-session", "sh-session", "bash-session", "zsh", "ksh", "ash"),
        *("dash", "csh", "tcsh", "fish", "openrc"),
        *("pycon", "python-console", "py", "py2", "py3", "python2", "python3"),
        *("ps1con", "powershell", "pwsh", "posh", "ps1"),
        *("bat", "batch", "cmd", "dosbatch", "winbatch", "doscon"),
    }
)
"""Labels under which something executable would not be run."""

_SCRIPTS = frozenset({".sh", ".bash", ".zsh", ".ksh", ".fish", ".ps1", ".bat", ".cmd", ".py"})
"""Names of files that are executed, by how they end."""

INCLUDED = frozenset({"typescript", "ts", "sql", "yaml", "yml", "json", "dockerfile", "docker"})
"""Labels of what is compiled, validated or run only where it stands in a file."""

_UNLABELLED = frozenset({"", "none", "text", "default", "guess", "plaintext", "output", "literal"})
_LOOKS_RUN = re.compile(r"^\s*(\$|>>>) \S", re.MULTILINE)

_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_SHOWN_AS_CODE = re.compile(
    # What HTML shows letter by letter, or takes from elsewhere.
    r"<(?:pre|xmp|listing|plaintext|textarea|samp|iframe|object|embed)\b"
    r"|<(?:code|tt|kbd)\b[^>]*\s(?:class|style|data-[\w-]+)\s*="
    r"|<(?:code|tt|kbd)\b[^>]*>(?:(?!</).)*\n"
    r"|\bclass\s*=\s*[\"']?[^\"'>]*\b(?:highlight|language-|literal-block)"
    r"|\bwhite-space\s*:\s*(?:pre|break-spaces)"
    # A fence that Markdown no longer sees, for it stands inside HTML.
    r"|^[ \t]*(?:`{3,}|~{3,}|:{3,})"
    # What is left without its tags: a prompt.
    r"|^[ \t]*(?:<[^>]*>[ \t]*)*(?:\$|>>>|&gt;&gt;&gt;|#|\w+@[\w.-]+:?\S*[$#]) \S",
    re.IGNORECASE | re.MULTILINE | re.DOTALL,
)


def html(node: nodes.raw, places: Places) -> Iterator[PageError]:
    """HTML as it is: what it shows as code is never run."""
    if MADE in node:
        return
    text = _COMMENT.sub(lambda comment: re.sub(r"[^\n]", " ", comment[0]), node.astext())
    if found := _SHOWN_AS_CODE.search(text):
        at = places.hint(node, {})
        above = text.count("\n", 0, found.start()) if at.line else 0
        yield PageError(
            "hidden-executable",
            f"`{found[0].strip().splitlines()[0]}` in raw HTML shows code that would not be run.",
            where=Where(at.path, at.line + above),
            hint="Write a block of Markdown, with a blank line between it and the HTML around it.",
        )


def label_for_all(node: addnodes.highlightlang, places: Places) -> Iterator[PageError]:
    """A label for the blocks after it, which is none of theirs."""
    label = str(node["lang"]).lower()
    if label in HIDDEN or label in LANGUAGES:
        yield PageError(
            "hidden-executable",
            f"`highlight` labels the blocks after it `{node['lang']}`, and they would not be run.",
            where=places.hint(node, {}),
            hint="Label each block by itself.",
        )


def block(
    node: nodes.Element,
    language: str,
    raw: dict[str, Any],
    places: Places,
    root: Path,
    known_language: Callable[[str], bool],
) -> Iterator[PageError]:
    """A block that is not run.

    Args:
        node: The block.
        language: Its label, as written.
        raw: What a directive left of it.
        places: Where texts of the page stand.
        root: The project's folder.
        known_language: Whether a language can be highlighted.
    """
    text = node.astext().rstrip("\n") + "\n"
    where = places.of_text(node, text, raw) or places.hint(node, raw)
    label = language.lower()
    if label in HIDDEN or label in LANGUAGES:
        yield PageError(
            "hidden-executable",
            f"A block labelled `{language}` would not be run.",
            where=where,
            hint="Take it in with `literalinclude` and `:language:`, not with `code`."
            if label in LANGUAGES
            else f"Label it {choice()}.",
        )
    elif label in _UNLABELLED and (file := _script(node, text)):
        yield PageError(
            "hidden-executable",
            f"{file} is shown, and would not be run.",
            where=where,
            hint="Take it in with `literalinclude` and `:language: bash` or `python`.",
        )
    elif label in _UNLABELLED and _LOOKS_RUN.search(text):
        yield PageError(
            "hidden-executable",
            "The block has lines that begin with a prompt, but its label is "
            f"`{language or 'none'}`, so it would not be run.",
            where=where,
            hint="Label it `console`; Python goes into a `python` block without prompts.",
        )
    elif label in INCLUDED and not _of_examples(node, root):
        yield PageError(
            "typed-example",
            f"A `{language}` block is typed into the page, where nothing checks it.",
            where=where,
            hint="Put it into a file under examples/ that is compiled, validated or run, "
            "and show that with `literalinclude`.",
        )
    elif label not in _UNLABELLED and not known_language(language):
        yield PageError("unknown-language", f"There is no language `{language}`.", where=where)
    known = {option.name for option in option_table.SNIPPET_OPTIONS} - {"name"}
    for name in raw.get("options", {}):
        if name == "name":
            continue
        for_code = f"`{name}` is for blocks that are run." if name in known else ""
        yield PageError(
            "unknown-option",
            for_code or f"There is no option `{name}`.",
            where=where,
            hint=f"Blocks that are run are labelled {', '.join(LANGUAGES)}.",
        )


def _script(node: nodes.Element, text: str) -> str:
    """What makes a block without a label a program; empty where nothing does."""
    if text.startswith("#!"):
        return f"A program ({text.partition(chr(10))[0]})"
    source = Path(node.get("source") or "")
    return f"A program ({source.name})" if source.suffix in _SCRIPTS else ""


def _of_examples(node: nodes.Element, root: Path) -> bool:
    """Whether a block was included from a file under `examples/`."""
    file = node.get("source", "")
    return bool(file) and (root / "examples") in Path(file).resolve().parents
