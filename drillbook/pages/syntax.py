"""Asks bash whether a text is whole, or whether it would wait for more.

Bash itself is asked (`bash -n` reads and runs nothing). A parser library would need no
process, but tree-sitter-bash 0.25, the one that installs on Python 3.11 to 3.14, takes
whole commands for broken ones (`cat <<A - <<B`, `cat <<EOF | tr a b`) and ends a
here-document at a line that does not end it.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import lru_cache

_MAY_BE_COMPOUND = re.compile(
    r"\b(if|for|while|until|case|select|function|coproc|time)\b|\[\[|(?<!\$)\{|\(\s*\)|!\s*$"
)
_WAITS = re.compile(r"syntax error: unexpected end of file|unexpected EOF|unexpected argument `'$")
_PATIENCE_S = 10.0


def unfinished(text: str) -> str:
    """What bash would wait for the end of, e.g. `for`; empty when the text is whole.

    Quotes, brackets, backslashes and here-documents are `commandline`'s matter: asked
    is only what may hold a compound command. A text that is wrong in another way is
    whole: bash says so when it is run. Without a bash (Windows, where pages are only
    built) every text is whole.

    Args:
        text: Commands as they are typed, their lines joined by newlines.
    """
    opening = _MAY_BE_COMPOUND.search(text)
    return opening[0].strip() if opening and _waits(text) else ""


@lru_cache(maxsize=4096)
def _waits(text: str) -> bool:
    bash = shutil.which("bash")
    if bash is None:
        return False
    asked = subprocess.run(
        [bash, "--norc", "-O", "extglob", "-n"],
        input=f"{text}\n".encode(),
        capture_output=True,
        env={"LC_ALL": "C"},
        timeout=_PATIENCE_S,
    )
    return bool(_WAITS.search(asked.stderr.decode(errors="replace").strip()))
