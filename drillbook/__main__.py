"""`python -m drillbook`."""

from __future__ import annotations

import sys

from drillbook.cli import main

sys.exit(main())
