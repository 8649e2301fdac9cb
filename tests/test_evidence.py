from __future__ import annotations

import base64
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from drillbook import evidence
from drillbook.errors import HarnessError
from drillbook.evidence import Evidence, Step, cap, file_of, redact
from drillbook.site import evidence_pages

KEY = (
    "-----BEGIN RSA PRIVATE KEY-----\n"
    "MIIEowIBAAKCAQEAxyzxyzxyzxyzxyzxyzxyzxyzxyzxyzxyzxyzxyzxyz012345\n"
    "-----END RSA PRIVATE KEY-----"
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("postgres://app:s3cr3t@db-1:5432/x", "postgres://app:[redacted]@db-1:5432/x"),
        ("redis://:hunter22@redis-1", "redis://:[redacted]@redis-1"),
        ("Authorization: Bearer abc.def-123456", "Authorization: Bearer [redacted]"),
        ("authorization: basic dXNlcjpwYXNz", "authorization: basic [redacted]"),
        ("sk_live_51HxAbCdEfGh", "[redacted]"),
        ("key=rk_test_51HxAbCdEfGh.", "key=[redacted]."),
        ("whsec_abcdefgh12345678", "[redacted]"),
        ("AKIAIOSFODNN7EXAMPLE", "[redacted]"),
        ("ghp_abcdefghijklmnopqrstuvwxyz0123456789", "[redacted]"),
        ("a eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl b", "a [redacted] b"),
        ("ALTER ROLE app PASSWORD 'new one'", "ALTER ROLE app PASSWORD '[redacted]'"),
        ("PGPASSWORD=abcd1234 psql", "PGPASSWORD=[redacted] psql"),
        ('{"client_secret": "abcd1234", "id": 1}', '{"client_secret": "[redacted]", "id": 1}'),
        ("host=db-1 password=abcd1234 user=x", "host=db-1 password=[redacted] user=x"),
        (f"before\n{KEY}\nafter", "before\n[redacted]\nafter"),
        (KEY[:70], "[redacted]"),
        (KEY[32:], "[redacted]"),
        (
            "SCRAM-SHA-256$4096:c2FsdA==$c3RvcmVk:c2VydmVy",
            "[redacted]",
        ),
    ],
)
def test_what_looks_like_a_secret_is_redacted(text: str, expected: str) -> None:
    assert redact(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "password authentication failed for user app",
        "PGPASSFILE=/home/operator/.pgpass",
        "password: ********",
        "http://db-1:8080/path?at=x@y",
        "/run/secrets/postgres: No such file",
        "TOKEN=$(cat /run/secrets/token)",
        "bearer of bad news",
        "the primary key is id",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    "piece", ["x", "a-", "ab://", "ab://c:", "eyJ-", "password ", "secret-", "A" * 64 + "\n", "sk_"]
)
def test_a_long_text_without_secrets_is_read_in_reasonable_time(piece: str) -> None:
    # With a pattern that looks again from every place this would take hours.
    text = piece * (1_000_000 // len(piece))
    assert redact(text) == text


def test_given_values_are_redacted_in_each_spelling() -> None:
    secret = 'p/ss"wörd'
    spellings = [
        secret,
        "p%2Fss%22w%C3%B6rd",
        json.dumps(secret),
        base64.b64encode(secret.encode()).decode(),
    ]
    for text in spellings:
        shown = redact(f"<{text}>", [f"{secret}\n"])
        assert "[redacted]" in shown
        assert "rd" not in shown.replace("[redacted]", "")
    assert redact("unchanged", ["", "\n"]) == "unchanged"


def test_a_long_text_keeps_both_ends_and_says_so() -> None:
    text = "begin" + "x" * 200_000 + "end"
    capped = cap(text)
    assert capped.startswith("beginxxx")
    assert capped.endswith("xxxend")
    assert f"[... {200_008 - 64 * 1024} bytes left out ...]" in capped
    assert len(capped) < 66_000
    assert cap("é" * 100) == "é" * 100


def sample(**fields: object) -> Evidence:
    values: dict[str, object] = {
        "id": "runbooks/x#promote",
        "scenario": "runbooks/x#lost",
        "backend": "local",
        "status": "failed",
        **fields,
    }
    return Evidence(**values)  # type: ignore[arg-type]


def test_the_file_holds_the_whole_result_without_secrets(tmp_path: Path) -> None:
    given = sample(
        reason="it printed topsecret",
        steps=(
            Step("psql topsecret", "out topsecret", "err topsecret", 1, 0.5, 7, "topsecret?"),
            Step("true", exit_code=None),
        ),
        more={"End of the log": "topsecret was used"},
        versions={"postgresql": "15.18"},
    )
    name = evidence.write(tmp_path, given, ["topsecret"])
    assert name == "local/runbooks/x/lost/promote.json"
    assert "topsecret" not in (tmp_path / name).read_text()
    found = evidence.read(tmp_path / name)
    assert found.steps[0] == Step(
        "psql [redacted]", "out [redacted]", "err [redacted]", 1, 0.5, 7, "[redacted]?"
    )
    assert (found.reason, found.more) == (
        "it printed [redacted]",
        {"End of the log": "[redacted] was used"},
    )
    assert found.steps[1].exit_code is None
    assert [path.name for path in (tmp_path / name).parent.iterdir()] == ["promote.json"]


def test_a_cut_does_not_leave_half_a_secret(tmp_path: Path) -> None:
    secret = "S" * 40
    text = "x" * (evidence.HEAD_BYTES - 20) + secret + "y" * 100_000
    name = evidence.write(tmp_path, sample(steps=(Step("c", text),)), [secret])
    assert "SSSS" not in (tmp_path / name).read_text()


def test_bytes_that_are_not_utf8_are_shown_as_such(tmp_path: Path) -> None:
    text = b"caf\xe9".decode("utf-8", "surrogateescape")
    name = evidence.write(tmp_path, sample(steps=(Step("c", text),)))
    assert evidence.read(tmp_path / name).steps[0].stdout == "caf\ufffd"


@pytest.mark.parametrize(
    ("scenario", "id_", "name"),
    [
        ("a/b#page", "a/b#one", "local/a/b/page/one.json"),
        ("a/b#lost", "a/b#lost", "local/a/b/lost/_drill.json"),
        ("index#page", "index#one", "local/index/page/one.json"),
    ],
)
def test_names_of_files(scenario: str, id_: str, name: str) -> None:
    assert file_of("local", scenario, id_) == name


def test_awkward_names_stay_inside_and_apart() -> None:
    names = [file_of("local", f"x#{name}", "x#a") for name in ("../up", "a b", "a-b", "a\tb", "..")]
    assert len(set(names)) == 5
    assert not any(".." in name.split("/") for name in names)


@pytest.mark.parametrize("text", [None, "{", "{}", '{"version": 9}', "[1]"])
def test_damaged_evidence_is_refused(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "x.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(HarnessError) as caught:
        evidence.read(path)
    assert str(caught.value) == (
        f"{path.as_posix()}: unreadable-evidence: the report names this file, and it is missing"
        " or damaged.\n  hint: Run `nox -s doctest -- --fresh`; evidence is written anew."
    )


def test_the_page_shows_commands_streams_status_and_nothing_as_markup() -> None:
    page = evidence_pages.render(
        sample(
            host="db-1",
            user="postgres",
            started="2026-11-23T10:00:00Z",
            versions={"postgresql": "15.18"},
            reason="<b>why</b>",
            steps=(
                Step("echo '<x>' && \\\n  true", "<out>", "<err>", 3, 0.25, 12, "other"),
                Step("sleep 99", exit_code=None),
            ),
            more={"End of the log on db-1": "<FATAL>"},
        )
    )
    for text in (
        "$ echo &#39;&lt;x&gt;&#39; &amp;&amp; \\\n  true",
        "&lt;out&gt;",
        "&lt;err&gt;",
        "&lt;b&gt;why",
        "&lt;FATAL&gt;",
        "status 3 · 0.25 s · line 12",
        "ended from outside",
        "the page expects",
        "db-1 as postgres",
        "postgresql 15.18",
    ):
        assert text in page
    assert "<script" not in page
    assert "http" not in page


def test_the_page_of_a_block_that_failed_with_long_logs_is_no_burden() -> None:
    log = "2026-11-27 LOG: <first>\n" + 'it\'s "quoted" & long\n' * 3000 + "<last>\n"
    said = Step("make", log, log, 1, 0.1, 7, "other\n")
    logs = {f"End of the log on host-{n}": log for n in range(12)}
    found = Evidence("a#b", "a#page", "local", "failed", reason=log, steps=(said,) * 4, more=logs)
    page = evidence_pages.render(found)
    assert len(page.encode()) < evidence_pages.LARGEST
    # The least that is shown of each: how it began, how it ended, and how much is between.
    assert page.count("LOG: &lt;first&gt;") == page.count("&lt;last&gt;") == 1 + 4 * 2 + 12
    assert page.count(" bytes left out ...]") == 1 + 4 * 2 + 12
    small = replace(found, steps=(), more={})
    assert "left out" not in evidence_pages.render(small)
    assert evidence_pages.render(small).count("quoted") > 1000


def test_only_pages_older_than_their_evidence_are_written(tmp_path: Path) -> None:
    source, target = tmp_path / "evidence", tmp_path / "html"
    names = [
        evidence.write(source, sample(id=f"runbooks/x#{name}", steps=(Step(name),)))
        for name in ("one", "two")
    ]
    assert evidence_pages.write_all(source, target, names) == 2
    assert evidence_pages.write_all(source, target, names) == 0
    page = target / evidence_pages.page_of(names[0])
    later = page.stat().st_mtime + 10
    evidence.write(source, sample(id="runbooks/x#one", steps=(Step("changed"),)))
    os.utime(source / names[0], (later, later))
    assert evidence_pages.write_all(source, target, names) == 1
    assert "$ changed" in page.read_text()
