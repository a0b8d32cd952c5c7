"""The yardstick of converging: nothing but httpx, eight calls in flight, no ledger, no decisions, no pace."""

import asyncio
import sys
import time

import httpx

from tests.world.stage import APP_ID

IN_FLIGHT = 8


def bare_loop(url: str, count: int) -> None:
    """Acquire, start and query so many recorders."""

    async def one(http: httpx.AsyncClient, gate: asyncio.Semaphore, number: int) -> None:
        base = f"{url}/v1/apps/{APP_ID}/cloud_recording"
        storage = {"vendor": 1, "region": 0, "bucket": "b", "accessKey": "a", "secretKey": "s"}
        body = {"cname": f"bare{time.time_ns()}-{number}", "uid": "7", "clientRequest": {}}
        async with gate:
            resource_id = (await http.post(f"{base}/acquire", json=body)).json()["resourceId"]
            request = {"storageConfig": storage, "recordingConfig": {}}
            path = f"{base}/resourceid/{resource_id}/mode/mix/start"
            sid = (await http.post(path, json={**body, "clientRequest": request})).json()["sid"]
            await http.get(f"{base}/resourceid/{resource_id}/sid/{sid}/mode/mix/query")

    async def main() -> None:
        limits = httpx.Limits(max_connections=IN_FLIGHT, max_keepalive_connections=IN_FLIGHT)
        async with httpx.AsyncClient(auth=("id", "secret"), limits=limits, timeout=30) as http:
            gate = asyncio.Semaphore(IN_FLIGHT)
            await asyncio.gather(*(one(http, gate, number) for number in range(count)))

    asyncio.run(main())


if __name__ == "__main__":
    bare_loop(sys.argv[1], int(sys.argv[2]))
