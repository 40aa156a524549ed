"""What an operator sees of a running process."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from dfinfra import metrics, profile
from dfinfra.admin import AdminServer


class Admin:
    """A running admin server and a client to it."""

    def __init__(self) -> None:
        self.registry = metrics.new_registry("test", "1.2.3")
        self.states = {"scheduler": True}
        self.server = AdminServer(
            self.registry, 0, ready={"scheduler": lambda: self.states["scheduler"]}
        )

    async def get(self, path: str, **headers: str) -> tuple[int, str, Any]:
        async with aiohttp.ClientSession() as session:
            url = f"http://127.0.0.1:{self.server.port}{path}"
            async with session.get(url, headers=headers) as answer:
                return answer.status, await answer.text(), answer.headers


@pytest.fixture
async def admin() -> AsyncIterator[Admin]:
    made = Admin()
    await made.server.start()
    yield made
    await made.server.stop()


async def test_metrics_are_those_of_the_registry(admin: Admin) -> None:
    counter = metrics.Counter(
        "pieces", "Pieces.", namespace=metrics.NAMESPACE, registry=admin.registry
    )
    counter.inc(3)
    status, text, headers = await admin.get("/metrics")
    assert status == 200
    assert headers["Content-Type"].startswith("text/plain")
    assert "meganeura_pieces_total 3.0" in text
    assert 'meganeura_build_info{service="test",version="1.2.3"} 1.0' in text
    assert "process_resident_memory_bytes" in text
    _, text, _ = await admin.get("/metrics", Accept="application/openmetrics-text")
    assert text.endswith("# EOF\n")


async def test_health_and_readiness_are_two_things(admin: Admin) -> None:
    admin.states["scheduler"] = False
    assert (await admin.get("/healthy"))[:2] == (200, "ok\n")
    assert (await admin.get("/readyz"))[:2] == (503, '{"scheduler": false}\n')
    admin.states["scheduler"] = True
    assert (await admin.get("/readyz"))[0] == 200


async def test_a_profile_shows_where_threads_are(admin: Admin) -> None:
    stop = threading.Event()

    def waiting_for_test_end() -> None:
        stop.wait()

    thread = threading.Thread(target=waiting_for_test_end, name="waiter")
    thread.start()
    try:
        status, text, _ = await admin.get("/debug/pprof/profile?seconds=0.05")
    finally:
        stop.set()
        thread.join()
    assert status == 200
    stack = next(line for line in text.splitlines() if line.startswith("waiter;"))
    assert "waiting_for_test_end" in stack
    assert int(stack.rpartition(" ")[2]) >= 1


@pytest.mark.parametrize("seconds", ["0", "-1", "1000", "soon", "nan"])
async def test_a_profile_of_a_silly_length_is_refused(admin: Admin, seconds: str) -> None:
    status, text, _ = await admin.get(f"/debug/pprof/profile?seconds={seconds}")
    assert status == 400
    assert "up to 120" in text


async def test_heap_shows_what_was_allocated_since_the_first_look(admin: Admin) -> None:
    try:
        status, text, _ = await admin.get("/debug/pprof/heap")
        assert (status, "ask again" in text) == (200, True)
        held = bytearray(3 << 20)
        status, text, _ = await admin.get("/debug/pprof/heap")
        assert status == 200
        assert "test_admin.py" in text
        assert len(held) == 3 << 20
    finally:
        assert (await admin.get("/debug/pprof/heap?stop"))[1] == profile.heap_stop()
