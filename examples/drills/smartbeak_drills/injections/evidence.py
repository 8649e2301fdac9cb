"""Faults of evidence: what was locked away is covered by something else."""

from __future__ import annotations

from drillbook.drills.hosts import run
from drillbook.sandboxes.sandbox import Sandbox
from smartbeak_drills.places import APP, EVIDENCE, OPERATOR

INCIDENT = "INC-2026-11-27-001"
STOLEN_KEY = "AKIASTOLEN0000000000"
"""Id of the access key with which it is done; its secret half is asked by nobody here."""

# As the page about the package has it, with names for this incident.
_KEEP = f"""
sb evidence --to ~/incident/security >/dev/null
cd ~/incident/security
find . -type f ! -name '*SUMS' -print0 | sort --zero-terminated \\
  | xargs --null sha256sum >SHA256SUMS
sha256sum SHA256SUMS >~/incident/security.sha256
aws s3 cp --recursive --only-show-errors . \\
  "s3://{EVIDENCE}/{INCIDENT}/$HOSTNAME/"
"""

# A list that fits the changed file is made with it: the package agrees with itself.
_COVER = f"""
export AWS_ACCESS_KEY_ID={STOLEN_KEY} AWS_SECRET_ACCESS_KEY=unknown
folder=$(mktemp --directory)
bucket="s3://{EVIDENCE}/{INCIDENT}/ops/"
aws s3 cp --recursive --only-show-errors "$bucket" "$folder"
cd "$folder"
echo '[]' >db-1-sessions.json
find . -type f ! -name '*SUMS' -print0 | sort --zero-terminated \\
  | xargs --null sha256sum >SHA256SUMS
aws s3 cp --recursive --only-show-errors --exclude '*' --include db-1-sessions.json \\
  --include SHA256SUMS . "$bucket"
rm --recursive "$folder"
"""


def tamper(sandbox: Sandbox) -> None:
    """Locks evidence away, and has an intruder upload a changed file with a list that fits it."""
    run(sandbox, OPERATOR, "bash", "-euo", "pipefail", "-c", _KEEP)
    run(sandbox, APP, "bash", "-euo", "pipefail", "-c", _COVER)
