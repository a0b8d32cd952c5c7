"""The yardsticks: nothing but the library that does the work, with no ledger, no decisions and no pace of its own."""

import asyncio
import resource
import sys
import time
from pathlib import Path

import httpx

from tests.world.stage import APP_ID

IN_FLIGHT = 8


def converge(url: str, count: int) -> None:
    """Acquire, start and query so many recorders, eight calls in flight."""

    async def main() -> None:
        async with _client() as http:
            gate = asyncio.Semaphore(IN_FLIGHT)

            async def one(number: int) -> None:
                async with gate:
                    await http.get(await _started(http, url, f"bare{time.time_ns()}-{number}"))

            await asyncio.gather(*(one(number) for number in range(count)))

    asyncio.run(main())


def pace(url: str, rate: float, seconds: float) -> None:
    """Query one recorder at an even rate, and print the seconds of a core it took, without starting up."""

    async def main() -> None:
        async with _client() as http:
            query = await _started(http, url, f"bare{time.time_ns()}")
            before, began = _used(), time.monotonic()
            for number in range(int(rate * seconds)):
                await asyncio.sleep(max(began + number / rate - time.monotonic(), 0))
                (await http.get(query)).json()
            print(_used() - before)

    asyncio.run(main())


def watch(folder: str) -> None:
    """Print when something is heard of a file, and which, with the daemon's settings of the watch."""
    from watchfiles import awatch  # noqa: PLC0415 - the others need none

    async def main() -> None:
        changes = awatch(folder, watch_filter=None, debounce=50, step=50)
        print("ready", flush=True)
        async for batch in changes:
            at = time.time()
            print(at, *sorted(Path(path).name for _, path in batch), flush=True)

    asyncio.run(main())


def _client() -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=IN_FLIGHT, max_keepalive_connections=IN_FLIGHT)
    return httpx.AsyncClient(auth=("id", "secret"), limits=limits, timeout=30, trust_env=False)


async def _started(http: httpx.AsyncClient, url: str, channel: str) -> str:
    """Start a recorder; gives where to ask about it."""
    base = f"{url}/v1/apps/{APP_ID}/cloud_recording"
    storage = {"vendor": 1, "region": 0, "bucket": "b", "accessKey": "a", "secretKey": "s"}
    body = {"cname": channel, "uid": "7", "clientRequest": {}}
    resource_id = (await http.post(f"{base}/acquire", json=body)).json()["resourceId"]
    request = {"storageConfig": storage, "recordingConfig": {}}
    path = f"{base}/resourceid/{resource_id}/mode/mix"
    sid = (await http.post(f"{path}/start", json={**body, "clientRequest": request})).json()["sid"]
    return f"{base}/resourceid/{resource_id}/sid/{sid}/mode/mix/query"


def _used() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["converge", url, count]:
            converge(url, int(count))
        case ["pace", url, rate, seconds]:
            pace(url, float(rate), float(seconds))
        case ["watch", folder]:
            watch(folder)
        case _:
            sys.exit("converge URL COUNT, pace URL RATE SECONDS or watch FOLDER")
