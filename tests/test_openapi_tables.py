from __future__ import annotations

import json
from pathlib import Path

from drillbook.site import openapi_tables
from tests.sphinx_book import Book
from tests.test_marks import page, sample

DOCUMENT = {
    "paths": {
        "/things/{id}": {
            "delete": {
                "description": "Removes a thing.",
                "x-roles": ["admin", "owner"],
                "x-requests-per-minute": 20,
                "responses": {"404": {"description": "There is none."}, "204": {}},
            },
            "get": {"summary": "Reads.", "responses": {"404": {"description": "There is none."}}},
        }
    }
}


def test_a_row_says_who_may_how_often_and_what_is_answered() -> None:
    assert openapi_tables.rows(DOCUMENT) == [
        ("`DELETE /things/{id}`<br>Removes a thing.", "admin, owner; 20 a minute<br>204, 404"),
        ("`GET /things/{id}`<br>Reads.", "public<br>404"),
    ]


def test_statuses_are_counted_by_their_meaning() -> None:
    assert openapi_tables.statuses(DOCUMENT) == [
        ("`204`", "", "1"),
        ("`404`", "There is none.", "2"),
    ]


def test_a_page_shows_the_table_and_says_what_is_wrong_with_the_document(tmp_path: Path) -> None:
    book = sample(tmp_path / "book")
    (book.root / "api.json").write_text(json.dumps(DOCUMENT))
    assert build(book, "{openapi-routes} api.json") == ""
    cells = [cell.get_text() for cell in page(book, "other").select("table td")]
    assert cells[:2] == [
        "DELETE /things/{id}Removes a thing.",
        "admin, owner; 20 a minute204, 404",
    ]
    (book.root / "api.json").write_text("[]")
    assert "api.json is no OpenAPI document" in build(book, "{openapi-statuses} api.json")


def build(book: Book, directive: str) -> str:
    conf = book.root / "conf.py"
    text = conf.read_text()
    if "openapi_tables" not in text:
        conf.write_text(text + '\nextensions += ["drillbook.site.openapi_tables"]\n')
    (book.root / "source/other.md").write_text(f"# Other page\n\n## Marks\n\n```{directive}\n```\n")
    book.build("html")
    return book.warnings
