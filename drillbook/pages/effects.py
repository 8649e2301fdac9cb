"""What a snippet does to the stack, read from the programs and verbs it uses.

The tables know the tools that runbooks use; a program they do not know counts as
reading, so they can show that a declared effect is too weak, never that it is right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from drillbook.model import Effect
from drillbook.pages.statements import Statement, statements, unwrapped

Patterns = Sequence[tuple[Effect, str]]

RANK: dict[Effect, int] = {"": 0, "read": 0, "write": 1, "destructive": 2}
"""Effects from the weakest to the strongest."""


@dataclass(frozen=True, slots=True)
class Found:
    """A verb with the effect it has."""

    effect: Effect
    verb: str
    """As a reader knows it, e.g. `DROP` or `pg_ctl stop`."""

    line: int
    """0-based line of the text on which its command begins."""


_SQL: tuple[tuple[Effect, str], ...] = (
    ("destructive", r"drop\s+(?!constraint|default|not\s+null|column|identity)\w+"),
    ("destructive", r"truncate(?=\s)"),
    ("destructive", r"delete\s+from\s+[\w.\"]+\s*(?:;|$)"),
    ("destructive", r"pg_resetwal"),
    ("write", r"delete\s+from"),
    ("write", r"insert\s+into"),
    ("write", r"update\s+(?:only\s+)?[\w.\"]+(?:\s+(?:as\s+)?\w+)?\s+set"),
    ("write", r"merge\s+into"),
    ("write", r"(?:create|alter|drop|grant|revoke|reindex|vacuum|cluster|checkpoint|refresh)\b"),
    ("write", r"copy\s+[\w.\"]+(?:\s*\([^)]*\))?\s+from"),
    ("write", r"\\copy\s+[\w.\"]+(?:\s*\([^)]*\))?\s+from"),
    ("write", r"(?:select|perform)\s+.*\binto\s+\w+\s+from"),
    ("write", r"(?:comment|security\s+label)\s+on|reassign\s+owned|import\s+foreign"),
)
_SQL_FUNCTIONS = re.compile(
    r"\b(pg_promote|pg_terminate_backend|pg_cancel_backend|pg_reload_conf|pg_switch_wal|"
    r"pg_wal_replay_pause|pg_wal_replay_resume|pg_create_physical_replication_slot|"
    r"pg_create_logical_replication_slot|pg_drop_replication_slot|pg_backup_start|"
    r"pg_backup_stop|pg_rotate_logfile|pg_create_restore_point|setval|nextval|lo_unlink|"
    r"pg_replication_slot_advance|pg_logical_emit_message)\s*\(",
    re.IGNORECASE,
)
_SQL_VERBS = tuple(
    (effect, re.compile(rf"(?:^|;|\(|\bas\b|\bexplain\s+analyze\b)\s*({pattern})", re.I | re.M))
    for effect, pattern in _SQL
)
_SQL_NOISE = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'", re.DOTALL)

# The program's first word that is neither an option nor the value of one.
_FIRST = r"^(?:-\S+\s+(?:[^-\s]\S*\s+)??)*?"

_WORDS: dict[str, tuple[tuple[Effect, str], ...]] = {
    # Each program with patterns on its arguments, the strongest first.
    "pg_ctl": (("write", r"\b(stop|start|restart|promote|reload|kill|initdb)\b"),),
    "pg_ctlcluster": (("write", r"\b(stop|start|restart|promote|reload)\b"),),
    "redis-cli": (
        ("destructive", _FIRST + r"(?i:(flushall|flushdb|debug|shutdown|script\s+flush))(?!\S)"),
        (
            "write",
            _FIRST + r"(?i:(set|setex|setnx|mset|getset|getdel|append|incr|incrby|decr|decrby|"
            r"del|unlink|expire|expireat|pexpire|persist|rename|renamenx|move|copy|restore|"
            r"[lr]push|[lr]pushx|[lr]pop|lrem|lset|ltrim|lmove|rpoplpush|"
            r"hset|hmset|hdel|hincrby|hsetnx|sadd|srem|spop|smove|zadd|zrem|zincrby|"
            r"zremrangeby\w+|xadd|xdel|xtrim|xack|xgroup|config\s+(?:set|rewrite|resetstat)|"
            r"replicaof|slaveof|failover|client\s+(?:kill|pause)|bgsave|save|bgrewriteaof|"
            r"eval|evalsha|publish|swapdb|cluster\s+failover|sentinel\s+(?:failover|set|reset))"
            r")(?!\S)",
        ),
    ),
    "kubectl": (
        ("destructive", r"(?<!\S)(delete|drain|replace\s+--force)(?!\S)"),
        (
            "write",
            r"(?<!\S)(apply|create|edit|patch|replace|scale|set|annotate|label|cordon|uncordon|"
            r"taint|expose|autoscale|cp|run|exec|rollout\s+(?:restart|undo|pause|resume))(?!\S)",
        ),
    ),
    "docker": (
        ("destructive", r"\b(rm|rmi|prune|down\s+-v)\b"),
        ("write", r"\b(stop|start|restart|kill|run|exec|up|down|pause|unpause|update|cp)\b"),
    ),
    "systemctl": (
        ("write", r"\b(start|stop|restart|reload|kill|enable|disable|mask|unmask|isolate)\b"),
    ),
    "service": (("write", r"\b(start|stop|restart|reload)\b"),),
    "aws": (
        ("destructive", r"(?<!\S)(delete-\S+|terminate-\S+|rb|rm|purge-\S+)(?!\S)"),
        (
            "write",
            r"(?<!\S)((?:create|put|update|modify|failover|reboot|start|stop|promote|restore|"
            r"rotate|attach|detach|associate|disassociate|register|deregister|enable|disable|"
            r"tag|untag|run|send|set|switchover|cancel|change|add|remove|authorize|revoke)-\S+|"
            r"cp|mv|sync|mb)(?!\S)",
        ),
    ),
    "curl": (
        ("destructive", r"(?<!\S)(?:-X\s*|--request[ =])(DELETE)\b"),
        (
            "write",
            r"(?<!\S)(?:(?:-X\s*|--request[ =])(POST|PUT|PATCH)\b|"
            r"(-d|--data(?:-\w+)?|--json|-F|--form|-T|--upload-file)(?=[ =]|$))",
        ),
    ),
    "git": (
        ("destructive", r"\b(reset\s+--hard|clean\s+-\w*f|push\s+(?:-f|--force))(?!\S)"),
        ("write", r"\b(push|commit|merge|rebase|revert|checkout|switch|reset|tag|pull)\b"),
    ),
    "sed": (("write", r"(?<!\S)(-[a-zA-Z]*i|--in-place)"),),
    "rm": (
        ("destructive", r"(?<!\S)(-[a-zA-Z]*[rR]|--recursive)"),
        ("write", r"()"),
    ),
    "find": (("destructive", r"(?<!\S)(-delete)\b"),),
    "rsync": (("destructive", r"(?<!\S)(--delete\S*)"), ("write", r"()")),
    "terraform": (("destructive", r"\b(destroy)\b"), ("write", r"\b(apply|import|taint)\b")),
    "vercel": (
        ("destructive", r"\b(remove|rm)\b"),
        (
            "write",
            r"\b(rollback(?!\s+status)|promote(?!\s+status)|deploy|alias|redeploy)\b|--(prod)\b",
        ),
    ),
    "repmgr": (("write", r"\b(promote|follow|switchover|rejoin|clone|register|unregister)\b"),),
    "patronictl": (
        ("write", r"\b(failover|switchover|reinit|restart|pause|resume|edit-config)\b"),
    ),
    "redis-check-aof": (("write", r"(--fix)"),),
    "redis-server": (("write", r"^(?!.*(?:--version|-v\b|--help))()"),),
    "kill": (("write", r"^(?!.*(?:^|\s)-(?:0|l|L)(?:\s|$))()"),),
}
_PROGRAMS: dict[str, Effect] = {
    "dropdb": "destructive",
    "dropuser": "destructive",
    "pg_rewind": "destructive",
    "pg_resetwal": "destructive",
    "mkfs": "destructive",
    "shred": "destructive",
    "wipefs": "destructive",
    "dd": "write",
    "createdb": "write",
    "createuser": "write",
    "initdb": "write",
    "pg_restore": "write",
    "pg_basebackup": "write",
    "pg_archivecleanup": "destructive",
    "vacuumdb": "write",
    "reindexdb": "write",
    "clusterdb": "write",
    "pkill": "write",
    "killall": "write",
    "mv": "write",
    "cp": "write",
    "ln": "write",
    "install": "write",
    "mkdir": "write",
    "rmdir": "write",
    "touch": "write",
    "truncate": "destructive",
    "tee": "write",
    "chmod": "write",
    "chown": "write",
    "crontab": "write",
    "reboot": "write",
    "shutdown": "write",
    "poweroff": "write",
    "nft": "write",
    "iptables": "write",
}
_SQL_PROGRAMS = frozenset({"psql", "sqlite3", "mysql"})
PROGRAMS = frozenset({*_WORDS, *_PROGRAMS, *_SQL_PROGRAMS})
"""Every program that the tables know."""

_READERS = frozenset(
    {"grep", "sed", "awk", "jq", "sort", "test", "[", "[[", "node", "python3", "bash", "sh"}
)
"""Whose arguments may look like SQL and are none; shells are read by themselves."""

_PRINTERS = frozenset({"echo", "printf", "cat"})
_COMMAND_FLAG = re.compile(r"-[a-zA-Z]*c|--command")
_NOWHERE = ("/dev/", "/tmp/", "$TMPDIR", "&")


@dataclass(frozen=True, slots=True)
class Tools:
    """What the stack says of programs of its own: patterns, whose first group is the verb."""

    arguments: Mapping[str, Patterns] = field(default_factory=dict)
    """On a program's arguments."""

    scripts: Mapping[str, Patterns] = field(default_factory=dict)
    """On the text that a program runs: an argument of it, or what it reads."""


NONE = Tools()


Seen = Callable[[str, Tools], Iterator["Found"]]
"""What the tables see in a text of one language."""


def strongest(seen: Seen, texts: Sequence[str], tools: Tools = NONE) -> Found | None:
    """The strongest effect that the tables see, None if they see none.

    Args:
        seen: How the snippet's language is read: `in_shell`, `in_python`.
        texts: Its commands (a console block), else the whole text alone.
        tools: The stack's own programs.
    """
    found: list[Found] = []
    line = 0
    for text in texts:
        found += [Found(one.effect, one.verb, one.line + line) for one in seen(text, tools)]
        line += text.count("\n") + 1
    return max(found, key=lambda one: RANK[one.effect], default=None)


def in_python(text: str, _tools: Tools = NONE) -> Iterator[Found]:
    """What a Python text does, by the SQL in its strings."""
    for number, line in enumerate(text.split("\n")):
        if not line.lstrip().startswith("#"):
            for effect, verb in _sql(line.replace('"', ";"), spare_strings=True):
                yield Found(effect, verb, number)


def in_shell(text: str, tools: Tools = NONE) -> Iterator[Found]:
    """What typed commands or a script do."""
    for statement in statements(text):
        for effect, verb in _statement(statement, tools):
            yield Found(effect, verb, statement.line)


def _statement(statement: Statement, tools: Tools) -> Iterator[tuple[Effect, str]]:
    words = unwrapped(statement.words)
    for redirect in statement.redirects:
        if redirect.stream != "0" and not redirect.target.startswith(_NOWHERE):
            yield "write", f"> {redirect.target}"
    if not words:
        return
    program = words[0].rsplit("/", 1)[-1]
    # A program that no table knows may be a function of the page, which hands SQL on.
    unknown = program not in {*_WORDS, *_PROGRAMS, *_PRINTERS, *_READERS}
    if unknown or (program in _PRINTERS and statement.after == "|"):
        for text in (*_texts(words), *statement.documents):
            yield from _sql(text)
    for effect, pattern in tools.scripts.get(program, ()):
        for text in (*words[1:], *statement.documents):
            if called := re.search(pattern, text):
                yield effect, f"{program} {called[1]}"
    if program in ("bash", "sh"):
        for text in (*words[2:], *statement.documents):
            yield from ((one.effect, one.verb) for one in in_shell(text, tools))
    if program in _PROGRAMS:
        yield _PROGRAMS[program], program
    arguments = " ".join(words[1:])
    for effect, pattern in (*tools.arguments.get(program, ()), *_WORDS.get(program, ())):
        match = re.search(pattern, arguments)
        if match:
            verb = next((group for group in match.groups() if group), "")
            yield effect, f"{program} {verb}".rstrip()
            return


def _texts(words: Sequence[str]) -> Iterator[str]:
    """The arguments that are SQL: after a `-c`, or of more than one word."""
    for flag, word in pairwise(words):
        if _COMMAND_FLAG.fullmatch(flag) or " " in word.strip() or "\n" in word:
            yield word.removeprefix("--command=")


def _sql(text: str, *, spare_strings: bool = False) -> Iterator[tuple[Effect, str]]:
    if not spare_strings:
        text = _SQL_NOISE.sub("''", text)
    for effect, pattern in _SQL_VERBS:
        match = pattern.search(text)
        if match:
            yield effect, " ".join(match[1].split()[:2]).rstrip(";").upper()
    called = _SQL_FUNCTIONS.search(text)
    if called:
        yield "write", called[1].lower()
