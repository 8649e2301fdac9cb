"""What a sandbox's hosts prove themselves with: secrets and certificates for one use.

Both backends make them here, into the folder that `examples/compose.yaml` calls
`DRILLBOOK_STATE`. None of it outlives the stack's data or is ever committed.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

import trustme

SECRETS = (
    *("postgres", "smartbeak", "replicator"),  # passwords of database roles
    *("jwt-key-1", "jwt-key-2", "stripe-webhook", "paddle-webhook", "clerk-webhook"),
    *("wordpress", "linkedin"),  # what publish targets ask for
    "storage",  # signs addresses to upload to
)
"""Names of the secrets; each is a file."""

_SECRET_BYTES = 24
"""The platform refuses a signing key of fewer than 32 characters; so many these become."""

# A container's service user has another number than whoever runs the engine, and
# a bind mount keeps numbers: so the files themselves are readable, and the folder
# above them, which no container passes through, is closed to everybody else.
_FOLDER_MODE, _FILE_MODE = 0o700, 0o644


def write_state(folder: Path, certificates: Mapping[str, Sequence[str]]) -> None:
    """Writes everything that a stack's hosts are given: `secrets/` and `tls/`.

    Args:
        folder: Made if needed; afterwards only its owner may enter it.
        certificates: Names in each host's certificate, by host.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(_FOLDER_MODE)
    write_secrets(folder / "secrets")
    write_authority(folder / "tls", certificates)


def write_secrets(folder: Path) -> None:
    """Writes a random value for each of `SECRETS`, one file each.

    The alphabet needs no escaping in a password file, a URL, SQL or a shell.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in SECRETS:
        _write(folder / name, secrets.token_urlsafe(_SECRET_BYTES).encode() + b"\n")


def write_authority(folder: Path, certificates: Mapping[str, Sequence[str]]) -> None:
    """Writes `ca.crt` and, for each host, `<host>.crt` and `<host>.key`.

    Args:
        folder: Made if needed.
        certificates: Names in each host's certificate, by host.
    """
    folder.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA(organization_name="Throw-away authority of a drill")
    _write(folder / "ca.crt", authority.cert_pem.bytes())
    for host, names in certificates.items():
        issued = authority.issue_cert(*names, common_name=host)
        _write(folder / f"{host}.crt", b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        _write(folder / f"{host}.key", issued.private_key_pem.bytes())


def read_secrets(folder: Path) -> tuple[str, ...]:
    """The secrets in a folder that `write_state` wrote, for keeping them out of evidence."""
    return tuple((folder / "secrets" / name).read_text().strip() for name in SECRETS)


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(_FILE_MODE)
