"""Python BullMQ, as the reference platform uses it: the time of each job, from add to done.

usage: python3 queue_latency.py COUNT   prints the median in milliseconds
"""

import asyncio
import statistics
import sys
import time
from typing import Any

from bullmq import Queue, Worker

NAME = "bench-python"
REDIS: Any = {"connection": "redis://redis-1:6379/0"}


async def main(count: int) -> None:
    done = asyncio.Event()

    async def process(_job: Any, _token: str) -> str:
        return "done"

    queue = Queue(NAME, REDIS)
    worker = Worker(NAME, process, REDIS)
    worker.on("completed", lambda *_: done.set())
    took = []
    for number in range(count):
        begin = time.perf_counter()
        done.clear()
        await queue.add("job", {"number": number})
        await done.wait()
        took.append((time.perf_counter() - begin) * 1000)
    print(statistics.median(took))
    await worker.close()
    await queue.obliterate(True)
    await queue.close()


asyncio.run(main(int(sys.argv[-1])))
