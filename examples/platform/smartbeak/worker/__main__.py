"""`python3 -m smartbeak.worker`: works on the queue of one region."""

from __future__ import annotations

import asyncio
import os
import sys

from smartbeak.http import serving
from smartbeak.worker.region import RegionWorker


def main() -> None:
    """Works until a signal ends it."""

    async def work() -> None:
        await RegionWorker(serving.start("worker")).run()
        # Not by the end of the loop, which cancels what is left: BullMQ's close() turns
        # round and round once its own task was cancelled, as while Redis is away.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)

    asyncio.run(work())


if __name__ == "__main__":
    main()
