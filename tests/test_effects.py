"""What snippets do, as the tables of verbs see it."""

from __future__ import annotations

import pytest

from drillbook.pages.effects import Found, Tools, in_python, in_shell, strongest
from drillbook.sandboxes import stack
from tests.conftest import ROOT

STACK = stack.load(ROOT)
TOOLS = Tools(STACK.effects, STACK.script_effects)


@pytest.mark.parametrize(
    ("text", "effect", "verb"),
    [
        ("psql -c 'select pg_promote(true, 30)'", "write", "pg_promote"),
        ("psql -qAtc 'select pg_terminate_backend(pid) from x'", "write", "pg_terminate_backend"),
        ("psql -c CHECKPOINT", "write", "CHECKPOINT"),
        ("psql --command='insert into a values (1)'", "write", "INSERT INTO"),
        ("psql -c 'update only a set b = 1'", "write", "UPDATE ONLY"),
        ("psql -c 'delete from a where b = 1'", "write", "DELETE FROM"),
        ("psql -c 'delete from a'", "destructive", "DELETE FROM"),
        ("psql -c 'alter table a drop column b'", "write", "ALTER"),
        ("psql -c 'with x as (delete from a returning 1) select 1'", "write", "DELETE FROM"),
        ("psql <<'SQL'\nselect 1;\nDrop Table a;\nSQL", "destructive", "DROP TABLE"),
        ("psql <<< 'TRUNCATE a'", "destructive", "TRUNCATE"),
        ("echo 'drop database a' | psql", "destructive", "DROP DATABASE"),
        ("PGHOST=db-1 psql -c 'vacuum a'", "write", "VACUUM"),
        ('n=$(psql -c "drop table a")', "destructive", "DROP TABLE"),
        ("if [ -f x ]; then pg_ctl -D $PGDATA promote; fi", "write", "pg_ctl promote"),
        ("pg_ctl -D x stop -m fast", "write", "pg_ctl stop"),
        ("pg_ctl restart", "write", "pg_ctl restart"),
        ("/usr/lib/postgresql/15/bin/pg_rewind -D x", "destructive", "pg_rewind"),
        ("pg_basebackup -D x", "write", "pg_basebackup"),
        ("rm -rf $PGDATA", "destructive", "rm -r"),
        ("rm standby.signal", "write", "rm"),
        ("kill -9 42", "write", "kill"),
        ("redis-cli -h redis-1 FLUSHALL", "destructive", "redis-cli FLUSHALL"),
        ("redis-cli flushdb async", "destructive", "redis-cli flushdb"),
        ("redis-cli -n 1 set a b", "write", "redis-cli set"),
        ("redis-cli config set maxmemory 1", "write", "redis-cli config set"),
        ("kubectl -n prod delete pod a", "destructive", "kubectl delete"),
        ("kubectl rollout undo deploy/a", "write", "kubectl rollout undo"),
        ("aws rds failover-db-cluster --x", "write", "aws failover-db-cluster"),
        ("aws s3 rm s3://a", "destructive", "aws rm"),
        ("curl -sS -X DELETE https://a", "destructive", "curl DELETE"),
        ("curl -d a=b https://a", "write", "curl -d"),
        ("sed -i s/a/b/ f", "write", "sed -i"),
        ("echo a > /etc/f", "write", "> /etc/f"),
        ("sudo -u postgres pg_rewind -D x", "destructive", "pg_rewind"),
        ("timeout 5 env A=b rm -r x", "destructive", "rm -r"),
        ("bash -c 'pg_ctl stop'", "write", "pg_ctl stop"),
        ("platform-service restart", "write", "platform-service restart"),
        ("redis-server /var/lib/redis/redis.conf --daemonize yes", "write", "redis-server"),
        ("npm run migrate", "write", "npm migrate"),
        ("npm run migrate:rollback -- --all", "destructive", "npm migrate:rollback"),
        ("node --input-type=module <<'JS'\nawait q.pause()\nJS", "write", "node pause"),
        ("node -e 'q.obliterate({force: true})'", "destructive", "node obliterate"),
        ("redis-cli --scan --pattern 'a:*' | xargs redis-cli unlink", "write", "redis-cli unlink"),
    ],
)
def test_verbs(text: str, effect: str, verb: str) -> None:
    found = strongest(in_shell, [text], TOOLS)
    assert found is not None
    assert (found.effect, found.verb) == (effect, verb)


@pytest.mark.parametrize(
    "text",
    [
        "psql -c 'select * from updates where a = 1'",
        "psql -c \"select 'drop table x'\"",
        "psql -c 'select 1 -- drop table x'",
        "psql -d cluster -U grant -c 'select 1'",
        "psql -c 'select pg_is_in_recovery()'",
        "kill -0 42",
        "redis-cli get set",
        "redis-cli info replication",
        "kubectl get pods -l app=delete-me",
        "kubectl logs deploy/a",
        "aws rds describe-db-clusters",
        "curl -s https://a/delete",
        "git log",
        "sed s/-i/x/ f",
        "ls 2>/dev/null >/tmp/x",
        "echo 'rm -rf /'",
        "cat <<'X'\nrm -rf /\nX",
        "pg_ctl status",
    ],
)
def test_reading(text: str) -> None:
    assert strongest(in_shell, [text], TOOLS) is None


def test_the_strongest_of_all_commands_counts_with_its_line() -> None:
    texts = ["ls", "psql <<X\nselect 1\nX", "rm -r a", "rm b"]
    assert strongest(in_shell, texts) == Found("destructive", "rm -r", 4)


def test_python_is_looked_at_for_its_sql() -> None:
    found = strongest(in_python, ['a = 1\ncursor.execute("DROP TABLE a")\n'])
    assert found == Found("destructive", "DROP TABLE", 1)
    assert strongest(in_python, ["# drop table a\nprint('update')\n"]) is None


def test_what_programs_of_the_stack_do_the_stack_says() -> None:
    assert strongest(in_shell, ["platform-service restart"]) is None
    own = Tools({"platform-service": [("destructive", r"\b(restart)\b")]})
    found = strongest(in_shell, ["platform-service restart"], own)
    assert found == Found("destructive", "platform-service restart", 0)


@pytest.mark.parametrize(
    ("text", "effect"),
    [
        ("ask db-1 \"DELETE FROM users WHERE id = 'user_4'\"", "write"),
        ("ask db-1 'TRUNCATE users'", "destructive"),
        ("answer=$(database 'UPDATE users SET email = NULL')", "write"),
        ("timeout 5 ask db-1 'SELECT pg_promote()'", "write"),
        ("ask db-1 <<< 'DROP TABLE users'", "destructive"),
        ("ask db-1 'SELECT count(*) FROM users'", None),
        ("grep 'DELETE FROM users' /var/log/postgresql/postgresql.log", None),
    ],
)
def test_sql_is_seen_through_a_function_of_the_page(text: str, effect: str | None) -> None:
    found = strongest(in_shell, [text])
    assert (found.effect if found else None) == effect
