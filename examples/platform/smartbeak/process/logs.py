"""Logs: one JSON object a line on standard output, with nothing secret in it."""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import Any, TextIO

from smartbeak.process.clock import instant

REDACTED = "[REDACTED]"
"""What stands for a secret's value."""

_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "fatal": logging.CRITICAL,
}
_NAMES = {number: name for name, number in _LEVELS.items()}

# By the name of the key: values can look like anything.
_SECRET = re.compile(
    r"(?:^|[_-])(?:password|passwd|pwd|secret|token|jwt|cookie|authorization|signature|credential"
    r"|(?<=[_-])key)s?(?:[_-]\d+)?$",
    re.IGNORECASE,
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

# What people and libraries put into texts: passwords in addresses, bearer tokens.
_IN_TEXT = (
    (re.compile(r"(\w+://[^\s:/@]*):[^\s@/]+@"), rf"\1:{REDACTED}@"),
    (re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]+", re.IGNORECASE), rf"\1 {REDACTED}"),
    (re.compile(r"\b(password|secret|token)=[^\s&;,'\"]+", re.IGNORECASE), rf"\1={REDACTED}"),
)


def redact(value: Any) -> Any:
    """The value with each secret in it replaced, at any depth."""
    if isinstance(value, dict):
        return {
            name: REDACTED if _is_secret(str(name)) else redact(inner)
            for name, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [redact(inner) for inner in value]
    if isinstance(value, str):
        for pattern, instead in _IN_TEXT:
            value = pattern.sub(instead, value)
    return value


class Log:
    """What a part of a process says.

    Args:
        name: Name of the part, e.g. `publishing`.
    """

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(f"smartbeak.{name}")

    def debug(self, message: str, **fields: Any) -> None:
        """Says what only matters while looking for something."""
        self._logger.debug(message, extra={"fields": fields})

    def info(self, message: str, **fields: Any) -> None:
        """Says what happened."""
        self._logger.info(message, extra={"fields": fields})

    def warn(self, message: str, **fields: Any) -> None:
        """Says what somebody may have to look at."""
        self._logger.warning(message, extra={"fields": fields})

    def error(self, message: str, **fields: Any) -> None:
        """Says what went wrong."""
        self._logger.error(message, extra={"fields": fields})

    def fatal(self, message: str, **fields: Any) -> None:
        """Says why the process ends."""
        self._logger.critical(message, extra={"fields": fields})


class JsonLines(logging.Formatter):
    """A record as a line of JSON.

    Args:
        service: Name of the process.
    """

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line: dict[str, Any] = {
            "level": _NAMES.get(record.levelno, record.levelname.lower()),
            "time": instant(datetime.fromtimestamp(record.created, UTC)),
            "service": self._service,
            "message": record.getMessage().strip(),
        }
        fields = getattr(record, "fields", {})
        if record.exc_info and record.exc_info[1] is not None:
            fields = {"error": reason(record.exc_info[1]), **fields}
        return json.dumps(redact({**line, **fields}), default=str)


def install(service: str, level: str, stream: TextIO | None = None) -> None:
    """Makes everything that the process says a line of JSON, libraries' words too.

    Args:
        service: Name of the process.
        level: Least severe level to be shown.
        stream: Where the lines go; standard output unless given.
    """
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(JsonLines(service))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(_LEVELS[level], logging.WARNING))
    logging.getLogger("smartbeak").setLevel(_LEVELS[level])
    # The pool says the same at each attempt; the platform says it once a request.
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
    logging.captureWarnings(True)
    sys.excepthook = _last_words


def _last_words(kind: type[BaseException], error: BaseException, _: object) -> None:
    """Says what ended the process."""
    if not issubclass(kind, KeyboardInterrupt):
        Log("process").fatal("ended by a defect", error=f"{kind.__name__}: {error}")


def reason(error: BaseException) -> str:
    """Why something failed, in one line."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _is_secret(name: str) -> bool:
    return bool(_SECRET.search(_CAMEL.sub("_", name)))
