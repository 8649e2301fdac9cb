"""What a sandbox's hosts prove themselves with: secrets and certificates for one use.

Both backends make them here, into the folder that `examples/compose.yaml` calls
`DRILLBOOK_STATE`. None of it outlives the stack's data or is ever committed.
"""

from __future__ import annotations

import datetime
import secrets
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import trustme

from drillbook.sandboxes.stack import SECRETS, Stack

_OVER = datetime.timedelta(days=400), datetime.timedelta(days=1)
"""How long ago the validity of an expired certificate began and ended."""

_SECRET_BYTES = 24
"""They become 32 characters: many a program refuses a signing key of fewer."""

# A container's service user has another number than whoever runs the engine, and
# a bind mount keeps numbers: so the files themselves are readable, and the folder
# above them, which no container passes through, is closed to everybody else.
_FOLDER_MODE, _FILE_MODE = 0o700, 0o644


def write_state(folder: Path, stack: Stack) -> None:
    """Writes everything that a stack's hosts are given: `secrets/` and `tls/`.

    Args:
        folder: Made if needed; afterwards only its owner may enter it.
        stack: Says which secrets there are, and what is in each host's certificate.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(_FOLDER_MODE)
    write_secrets(folder / SECRETS, stack.secrets)
    services = stack.services.values()
    write_authority(folder / "tls", {s.name: s.certificate for s in services if s.certificate})


def write_secrets(folder: Path, names: Iterable[str]) -> None:
    """Writes a random value for each of these secrets, one file each.

    The alphabet needs no escaping in a password file, a URL, SQL or a shell.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        _write(folder / name, secrets.token_urlsafe(_SECRET_BYTES).encode() + b"\n")


def write_authority(folder: Path, certificates: Mapping[str, Sequence[str]]) -> None:
    """Writes `ca.crt` and, for each host, `<host>.crt`, `<host>.key` and `<host>.expired.pem`.

    The last holds key and certificate of the same names, whose validity is over: for a
    drill, since only this authority can sign one that differs in nothing else.

    Args:
        folder: Made if needed.
        certificates: Names in each host's certificate, by host.
    """
    folder.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA(organization_name="Throw-away authority of a drill")
    _write(folder / "ca.crt", authority.cert_pem.bytes())
    now = datetime.datetime.now(datetime.UTC)
    began, ended = (now - ago for ago in _OVER)
    for host, names in certificates.items():
        issued = authority.issue_cert(*names, common_name=host)
        _write(folder / f"{host}.crt", b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        _write(folder / f"{host}.key", issued.private_key_pem.bytes())
        over = authority.issue_cert(*names, common_name=host, not_before=began, not_after=ended)
        _write(folder / f"{host}.expired.pem", over.private_key_and_cert_chain_pem.bytes())


def read_secrets(folder: Path) -> tuple[str, ...]:
    """The secrets in a folder that `write_state` wrote, for keeping them out of evidence."""
    return tuple(file.read_text().strip() for file in sorted((folder / SECRETS).iterdir()))


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(_FILE_MODE)
