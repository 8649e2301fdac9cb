"""`python3 -m smartbeak.worker`: works on the queue of one region."""

from __future__ import annotations

import asyncio
import gc
import os
import sys

# Nothing of what is loaded here is garbage, and looking for it is a fifth of the start;
# `serving.start` switches the collector on again.
gc.disable()

from smartbeak.http import serving  # noqa: E402 - only now
from smartbeak.process import releases  # noqa: E402 - only now
from smartbeak.worker.region import RegionWorker  # noqa: E402 - only now


def main() -> None:
    """Works until a signal ends it."""

    async def work() -> None:
        settings = serving.start("worker")
        if not releases.of(os.environ).works:
            raise ModuleNotFoundError("No module named 'smartbeak_renderer'")
        await RegionWorker(settings).run()
        # Not by the end of the loop, which cancels what is left: BullMQ's close() turns
        # round and round once its own task was cancelled, as while Redis is away.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)

    asyncio.run(work())


if __name__ == "__main__":
    main()
