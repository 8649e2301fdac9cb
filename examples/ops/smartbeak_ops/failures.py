"""What a service says when it does not serve, in the words that triage uses.

The texts are those of libpq, psycopg, PostgreSQL 15 to 17, redis-py and Redis 6 and 7,
as captured from the drills.
"""

from __future__ import annotations

import re

# In this order: a message may hold several of these texts, and the first one decides.
_TEXTS = (
    (
        "unknown host",
        r"failed to resolve host|could not translate host name|Name or service not"
        r"|failure in name resolution|ENOTFOUND|EAI_AGAIN",
    ),
    (
        "login refused",
        r"is not permitted to log in|not currently accepting connections"
        r"|too many connections for (?:role|database)|permission denied for database"
        r'|pg_hba\.conf rejects connection for host "[^"]*", user "smartbeak"',
    ),
    ("no free connection", r"slots are reserved|too many clients"),
    ("wrong password", r"password authentication failed|WRONGPASS|invalid username-password"),
    ("no password", r"no password supplied|NOAUTH|Authentication required"),
    ("certificate", r"certificate has expired|certificate verify failed|certificate .* not "),
    ("fenced", r"no pg_hba\.conf entry|pg_hba\.conf rejects"),
    ("starting", r"is starting up|not yet accepting connections|LOADING|loading the dataset"),
    ("stopping", r"is shutting down"),
    ("max clients", r"max number of clients"),
    ("disk full", r"[Nn]o space left|could not write init file"),
    ("waits for a lock", r"lock timeout|LockNotAvailable"),
    ("slow", r"statement timeout"),
    # Who says this is well: it was told to end who is idle, or takes too long.
    ("ended", r"due to (?:idle[a-z-]*|transaction|timeout)"),
    ("MISCONF", r"MISCONF"),
    ("NOREPLICAS", r"NOREPLICAS"),
    ("NOPERM", r"NOPERM"),
    ("OOM", r"OOM command not allowed"),
    ("read-only", r"READONLY|read-only transaction"),
    ("refused", r"Connection refused|ECONNREFUSED|Error 111"),
    ("no answer", r"timeout expired|[Tt]imeout|timed out|no route|No route|unreachable"),
    ("closed", r"closed the connection|SSL SYSCALL|Connection reset|Connection closed|EOF"),
)
_KNOWN = tuple((state, re.compile(text)) for state, text in _TEXTS)

STATES = (*(state for state, _ in _TEXTS), "error")
"""Every way in which a service can fail to answer."""

_SECRET = re.compile(
    r"(?i)(password\s*(?:=|:)\s*|password\s+(?='))('[^']*'|\S+)"
    r"|(://[^:/@\s]*:)[^@\s]*(?=@)|(Bearer )\S+"
)


class ServiceError(Exception):
    """A service did not answer as it should.

    Args:
        text: What the client or the server said.
    """

    def __init__(self, text: str) -> None:
        self.state = state_of(text)
        self.text = first_line(text)
        super().__init__(self.text)

    @property
    def said(self) -> str:
        """The state, with the words where those say more."""
        words = {
            "refused": "Connection refused",
            "no answer": "no answer",
            "no free connection": "no free connection",
            "max clients": "max number of clients reached",
        }
        return words.get(self.state) or self.text


def state_of(text: str) -> str:
    """The state that a message stands for; `error` for one that nobody has seen yet."""
    return next((state for state, known in _KNOWN if known.search(text)), "error")


def first_line(text: str) -> str:
    """A message on one line, without where it was sent to and without secrets."""
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    if not lines:
        return "no words"
    said = re.sub(r'^(?:connection (?:to server )?(?:at "[^"]*".*? )?failed: )+', "", lines[0])
    return clean(re.sub(r"^ERR ", "", said))[:300]


def clean(text: str) -> str:
    """A text without passwords and tokens."""

    def hidden(match: re.Match[str]) -> str:
        return f"{match[1] or match[3] or match[4]}***"

    return _SECRET.sub(hidden, text)
