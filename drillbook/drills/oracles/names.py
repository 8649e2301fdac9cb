"""The names of the oracles; what they are is in `drillbook.drills.oracles.table`."""

from __future__ import annotations

OF_ROWS = ("writes", "connections", "replica", "rows", "roles")
"""Oracles of the databases: with them numbered rows are written as well."""

OF_PLATFORM = ("content", "publishing", "redis", "fresh", "revoked", "restored")
"""Oracles that look at the platform and cannot do without it."""

ALL = (*OF_ROWS, *OF_PLATFORM)

WITH_LEAVER = ("revoked", "restored")
"""Oracles that want somebody whose tokens were revoked."""
