"""Start-up hook of a Python process that is to see a wrong clock.

Python imports it at its start where this folder is on PYTHONPATH. It shifts the wall clock as
this process sees it by `SHIFTED_CLOCK_S` seconds, and nothing else on its host: a namespace
cannot have a wall clock of its own (https://man7.org/linux/man-pages/man7/time_namespaces.7.html).
"""

from __future__ import annotations

import os
import time

import time_machine

time_machine.travel(time.time() + float(os.environ["SHIFTED_CLOCK_S"])).start()
