"""How many jobs a second Procrastinate works off: prints the number. Usage: procrastinate_rate.py DSN JOBS CONCURRENCY"""

import asyncio
import logging
import sys
import time

import procrastinate

dsn, jobs, concurrency = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
logging.disable(logging.WARNING)
app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=dsn, min_size=4, max_size=10))
done = 0


@app.task(queue="bench", name="nothing")
async def nothing(number):
    global done
    done += 1


async def main():
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        for first in range(0, jobs, 500):
            await nothing.batch_defer_async(*({"number": number} for number in range(first, min(first + 500, jobs))))
        began = time.monotonic()
        await app.run_worker_async(
            queues=["bench"], concurrency=concurrency, wait=False, listen_notify=False, install_signal_handlers=False)
        seconds = time.monotonic() - began
    if done != jobs:
        sys.exit(f"{done} of {jobs} jobs were done")
    print(jobs / seconds)


asyncio.run(main())
