"""The tree beside each page is the one that Sphinx would have made for that page."""

from __future__ import annotations

from pathlib import Path

from tests.sphinx_book import CONF, Book

TREE = """\
```{toctree}
:caption: First part
:hidden:

The book itself <self>
one/index
Elsewhere <https://example.invalid/one/index>
```

```{toctree}
:caption: Second part
:maxdepth: 1

A name of its own <two>
one/below/deep
```
"""
PAGES = {
    "index": f"# Book\n\n{TREE}",
    "one/index": "# One\n\n## Section\n\n```{toctree}\nside\nbelow/index\n```\n",
    "one/side": "# Side\n\n## Section\n",
    "one/below/index": "# Below\n\n```{toctree}\ndeep\n```\n",
    "one/below/deep": "# Deep\n\n## Section\n\n### More\n",
    "two": "# Two\n",
    "alone": "---\norphan: true\n---\n# Alone\n",
}


def built(root: Path, extensions: str) -> dict[str, str]:
    """Each page's HTML by its path, from a book with these extensions."""
    book = Book(root)
    book.put("conf.py", f'{CONF}html_theme = "furo"\nextensions += [{extensions}]\n')
    for name, text in PAGES.items():
        book.put(f"source/{name}.md", text)
    book.build("html")
    out = root / "build/html"
    return {
        path.relative_to(out).as_posix(): path.read_text(encoding="utf-8")
        for path in out.rglob("*.html")
    }


def test_every_page_has_the_tree_that_sphinx_makes(tmp_path: Path) -> None:
    ours = built(tmp_path / "ours", '"drillbook.site.navigation"')
    sphinxs = built(tmp_path / "sphinxs", "")
    assert set(ours) >= {f"{name}.html" for name in PAGES}
    assert ours == sphinxs
    # What is compared is there, and differs from page to page.
    deep, side = ours["one/below/deep.html"], ours["one/side.html"]
    assert 'class="current reference internal" href="#"' in deep
    assert 'href="../index.html"' in deep and 'href="below/deep.html"' in side
