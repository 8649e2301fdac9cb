from __future__ import annotations

from pathlib import Path

import pytest
from docutils import nodes

from drillbook.site.written import written
from tests.sphinx_book import CONF, DRILL, Book, block

PAGE = """\
# Title

```{note}
:name: other

x
```

````{code-block} console
:name: first
:on: db-1

$ cat <<'X'
```
X
````

```{drill} primary-lost
:fault: kill db-1
```
"""


def test_a_block_is_shown_from_fence_to_fence() -> None:
    assert written(PAGE.splitlines(), "first") == (
        "````{code-block} console\n:name: first\n:on: db-1\n\n$ cat <<'X'\n```\nX\n````\n"
    )


def test_a_drill_is_shown_by_its_argument() -> None:
    assert written(PAGE.splitlines(), "primary-lost") == (
        "```{drill} primary-lost\n:fault: kill db-1\n```\n"
    )


@pytest.mark.parametrize("lines", [["text", ":name: x"], ["```{note}", ":name: x", "open"], []])
def test_what_is_no_fence_of_that_name_is_not_found(lines: list[str]) -> None:
    with pytest.raises(LookupError, match="x"):
        written(lines, "x")


def book(root: Path, body: str) -> Book:
    made = Book(root)
    made.put(
        "conf.py",
        CONF.replace('"drillbook.sphinx_ext"', '"drillbook.sphinx_ext", "drillbook.site.written"'),
    )
    made.page(body)
    return made


def test_the_source_is_shown_and_not_run(tmp_path: Path) -> None:
    shown = block("$ echo a\na", "name: a", "timeout: 2s")
    made = book(
        tmp_path,
        f"{shown}\n```{{drillbook-written}} a\n```\n\n```{{drillbook-written}} a\n:head:\n```\n",
    )
    assert made.build() == 0
    assert made.warnings == ""
    blocks = list(made.app.env.get_doctree("index").findall(nodes.literal_block))
    assert [each.astext() for each in blocks] == [
        "$ echo a\na",
        shown,
        "```{code-block} console\n:name: a\n:timeout: 2s\n",
    ]
    assert [each["language"] for each in blocks] == ["console", "markdown", "markdown"]


def test_an_unknown_name_is_said_where_it_stands(tmp_path: Path) -> None:
    made = book(tmp_path, f"{DRILL}\n```{{drillbook-written}} b\n```\n")
    made.build("html")
    assert "no fence of this page has the name `b`" in made.warnings
