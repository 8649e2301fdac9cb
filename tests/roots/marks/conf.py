"""The book's own configuration, over a few small pages."""

import runpy
from pathlib import Path

_book = Path(__file__).resolve().parents[3]
globals().update(
    {k: v for k, v in runpy.run_path(str(_book / "conf.py")).items() if not k.startswith("__")}
)
html_static_path = [str(_book / "source/_static")]
templates_path = [str(_book / "source/_templates")]
html_title = project = "Sample"
