"""The keys of providers, as files: read where they are used, never printed nor an argument."""

from __future__ import annotations

from smartbeak_ops import settings
from smartbeak_ops.refusal import UnknownError


def read(name: str) -> str:
    """A key.

    Args:
        name: Of its file.

    Raises:
        UnknownError: There is no such key here.
    """
    file = settings.SECRETS / name
    try:
        return file.read_text().strip()
    except OSError as error:
        raise UnknownError(f"{file} cannot be read ({error.strerror}): type this on ops") from None
