"""The authority of a sandbox: who is trusted, for which names, and until when."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from drillbook.sandboxes import certs

NOW = datetime.datetime.now(datetime.UTC)


@pytest.mark.parametrize(
    ("certificate", "key", "valid"),
    [("db.crt", "db.key", True), ("db.expired.pem", "db.expired.pem", False)],
)
def test_a_host_has_one_certificate_that_is_valid_and_one_that_is_over(
    certificate: str, key: str, valid: bool, tmp_path: Path
) -> None:
    certs.write_authority(tmp_path, {"db": ("db", "db.repl")})
    authority = x509.load_pem_x509_certificate((tmp_path / "ca.crt").read_bytes())
    found = x509.load_pem_x509_certificate((tmp_path / certificate).read_bytes())
    found.verify_directly_issued_by(authority)
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["db", "db.repl"]
    assert found.not_valid_before_utc < NOW
    assert (found.not_valid_after_utc > NOW) == valid
    own = load_pem_private_key((tmp_path / key).read_bytes(), password=None)
    assert own.public_key() == found.public_key()
