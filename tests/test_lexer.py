"""Highlighting: what looks like a command is what is run."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from pygments import highlight
from pygments.token import Error, Generic

from drillbook.pages.console import parse
from drillbook.site.lexer import ConsoleLexer, CopyableHtmlFormatter
from tests.sphinx_book import Book, block

BLOCKS = [
    "$ echo a\na\n$ echo b\nb\n",
    "$ true\n",
    "$ true\n\n$ false\n",
    "$ psql <<'SQL'\nselect 1;\n\n$ not a prompt\nSQL\n 1\n\n(1 row)\n$ true\n",
    "$ cat <<-END\n\ta\n\tEND\nout\n",
    "$ a \\\n    b \\\n    c\nout <lsn> & \"x\" 'y'\n...\n",
    '$ echo "a\nb"\na\nb\n',
    "$ echo $(( 1 < 2 )) `x` ~ ^ \x01\n1\n",
    "$ a\n  indented\n\n\nafter blanks\n$ b\n",
    "$ a\nlast line without an end",
]


def copied(html: str) -> str:
    """What the copy button yields: the text without what it leaves out."""
    kept = re.sub(r'<span class="(?:gp|go|linenos)">[^<]*</span>', "", html)
    return unescape(re.sub(r"<[^>]+>", "", kept))


def typed(text: str) -> str:
    return "\n".join(command.text for command in parse(text, "x.md", 1)) + "\n"


@pytest.mark.parametrize("text", BLOCKS)
def test_prompt_command_and_output_are_the_runners(text: str) -> None:
    tokens = list(ConsoleLexer(stripnl=False).get_tokens(text))
    ended = text if text.endswith("\n") else text + "\n"
    assert "".join(value for _, value in tokens) == ended
    output = "".join(value for token, value in tokens if token is Generic.Output)
    prompts = [value for token, value in tokens if token is Generic.Prompt]
    commands = parse(text, "x.md", 1)
    assert prompts == ["$ "] * len(commands)
    assert output == "".join(f"{line}\n" for one in commands for line in one.expected)
    assert not any(token is Error for token, _ in tokens)


@pytest.mark.parametrize("text", BLOCKS)
@pytest.mark.parametrize("options", [{}, {"linenos": "inline"}, {"hl_lines": [1, 2]}])
def test_the_copy_button_yields_the_commands(text: str, options: dict[str, Any]) -> None:
    html = highlight(text, ConsoleLexer(stripnl=False), CopyableHtmlFormatter(**options))
    (block,) = re.findall(r"<pre>(.*)</pre>", html, re.DOTALL)
    assert copied(block) == typed(text)


def test_a_block_that_is_wrong_is_still_shown() -> None:
    text = "no prompt\n$ 'open\n"
    tokens = ConsoleLexer(stripnl=False).get_tokens(text)
    assert "".join(value for _, value in tokens) == text


def test_html_pages_copy_the_commands_and_show_everything(tmp_path: Path) -> None:
    book = Book(tmp_path)
    texts = [text for text in BLOCKS if "\x01" not in text]
    book.page("\n".join(block(text) for text in texts))
    assert book.build("html") == 0
    html = (tmp_path / "build/html/index.html").read_text("utf-8")
    blocks = re.findall(r'<div class="highlight-console.*?<pre>(.*?)</pre>', html, re.DOTALL)
    assert [copied(each) for each in blocks] == [typed(text) for text in texts]
    assert [unescape(re.sub(r"<[^>]+>", "", each)).rstrip("\n") for each in blocks] == [
        text.rstrip("\n") for text in texts
    ]
