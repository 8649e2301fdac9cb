"""Every built page has its icon, a link to change it and one to where all pages are kept."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from drillbook.site import repository
from tests import marks_sample
from tests.test_marks import sample

KEPT = "https://github.com/example/book"


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("https://github.com/example/book.git", KEPT),
        ("https://github.com/example/book", KEPT),
        ("https://robot:secret@github.com/example/book.git", KEPT),
        ("git@github.com:example/book.git", KEPT),
        ("ssh://git@github.com/example/book.git/", KEPT),
        ("ssh://git@git.example.com:2222/docs/book.git", "https://git.example.com/docs/book"),
        ("/srv/git/book.git", ""),
        ("../book", ""),
        ("", ""),
    ],
)
def test_a_remote_is_shown_as_an_address_without_who_signs_in(remote: str, address: str) -> None:
    assert repository.address(remote) == address


def built(folder: Path, remote: str) -> dict[str, BeautifulSoup]:
    """Every page of the sample book, evidence included, from a checkout of that remote."""
    book = sample(folder)
    for command in (("init", "--quiet"), ("remote", "add", "origin", remote)):
        subprocess.run(["git", "-C", str(folder), *command], check=True)
    marks_sample.write(folder / "build", book.plan())
    assert book.build("html") == 0, book.warnings
    out = folder / "build/html"
    return {
        path.relative_to(out).with_suffix("").as_posix(): BeautifulSoup(
            path.read_text(encoding="utf-8"), "html.parser"
        )
        for path in out.rglob("*.html")
    }


def test_every_page_has_its_icon_and_the_links(tmp_path: Path) -> None:
    pages = built(tmp_path, "git@github.com:example/book.git")
    assert {"index", "search", "404", "runbooks/failover"} <= {*pages}
    written = records = 0
    for name, page in pages.items():
        icon = page.select_one("link[rel~=icon]")
        assert icon is not None, name
        if name == "404":  # stands alone, its addresses begin at the top of the server
            assert icon["href"] == "/_static/favicon.svg"
            continue
        assert (tmp_path / "build/html" / name).parent.joinpath(str(icon["href"])).is_file()
        if name.startswith("evidence/"):  # the record of a run leads back to its block
            records += 1
            continue
        assert page.select_one(f"footer a[href='{KEPT}'][aria-label]") is not None, name
        source = tmp_path / f"source/{name}.md"
        edit = page.select_one("a[rel=edit]")
        assert (edit is not None) == source.is_file(), name
        if edit is not None:
            assert edit["href"] == f"{KEPT}/edit/main/source/{name}.md"
            written += 1
    assert written > 2 and records > 2


def test_another_host_has_no_edit_link_and_a_folder_has_neither(tmp_path: Path) -> None:
    pages = built(tmp_path / "own", "https://git.example.com/docs/book.git")
    assert pages["index"].select_one("a[rel=edit]") is None
    assert pages["index"].select_one("footer a[href='https://git.example.com/docs/book']")
    pages = built(tmp_path / "folder", "/srv/git/book.git")
    assert pages["index"].select_one("a[rel=edit]") is None
    assert pages["index"].select_one("footer .icons a") is None
