"""Guards of migrations that are taken back."""

from __future__ import annotations

from smartbeak_ops import settings
from smartbeak_ops.failures import ServiceError
from smartbeak_ops.looks import migrations
from smartbeak_ops.refusal import RefusedError, UnknownError


def roll_back() -> str:
    """Lets the last batch be taken back: the release has none of it, and it only added.

    Returns:
        What goes: `migrate:rollback` takes back the whole batch.

    Raises:
        RefusedError: The release needs it, its rows cannot come back, or a run is going on.
        UnknownError: It cannot be told.
    """
    found = _state()
    _nobody_migrates(found, "the lock was left behind: first free it")
    needed = [name for name in found.last if name not in found.ahead]
    if needed:
        raise RefusedError(
            f"batch {found.batch} has {len(needed)} migrations that the release needs, "
            f"{needed[0]} among them"
        )
    data = found.data
    if data == "unknown":
        raise UnknownError(f"batch {found.batch} is not in {settings.RELEASE}: what it does")
    if data == "dropped":
        raise RefusedError(
            f"batch {found.batch} drops or rewrites rows: the way back does not bring them back"
        )
    if found.invalid:
        raise RefusedError(f"index {found.invalid[0]} is half-built: first drop it")
    return f"batch {found.batch}, all of it: {', '.join(found.last)}"


def migrate(decided_by: str | None = None) -> str:
    """Lets what is pending be made: nobody migrates, and who may decided on what is final.

    Args:
        decided_by: Who decided it, where rows are dropped or rewritten.

    Returns:
        What is made.

    Raises:
        RefusedError: Nothing is pending, a run is going on or broke off, or nobody decided.
        UnknownError: It cannot be told.
    """
    found = _state()
    _nobody_migrates(found, "a run broke off: runbooks/deployment-rollback/migration-half-applied")
    if not found.pending:
        raise RefusedError("nothing is pending")
    data = found.coming
    if data == "unknown":
        raise UnknownError(f"{found.pending[0]} is not in {found.checkout}: what it does")
    if data == "dropped" and decided_by is None:
        raise RefusedError(
            f"{', '.join(found.pending)}: drops or rewrites rows, no way back brings them back: "
            "see --decided-by"
        )
    return f"{len(found.pending)} pending: {', '.join(found.pending)}"


def unlock() -> None:
    """Lets the lock of the migrations be freed: nobody holds it.

    Raises:
        RefusedError: It is free, or a run is going on.
    """
    found = _state()
    if found.lock == "free":
        raise RefusedError("the lock is free")
    if found.lock == "held":
        raise RefusedError("a session of a run is open: it is going on")


def drop_index(index: str) -> None:
    """Lets an index be dropped: it was not built to its end, and nobody builds it.

    Raises:
        RefusedError: It is whole, or still being built.
    """
    found = _state()
    if index not in found.invalid:
        raise RefusedError(f"{index} is no half-built index")
    if found.lock == "held":
        raise RefusedError("a session of a run is open: it may be building it")


def _nobody_migrates(found: migrations.State, left_behind: str) -> None:
    """Refuses while a run holds the lock, or, in these words, when one left it behind."""
    if found.lock != "free":
        raise RefusedError("a run is going on" if found.lock == "held" else left_behind)


def _state() -> migrations.State:
    try:
        found = migrations.state(settings.read())
    except ServiceError as error:
        raise UnknownError(f"the database says {error.said}") from error
    if found is None:
        raise RefusedError(f"there is no checkout in {settings.MIGRATIONS}: type it on ops")
    return found
