"""Many nodes: beyond a number of streams they come to a bare port, or ask again and again."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dfinfra.managerlink import ManagerLink, Me, copy_in, frame, read_copy, write_copy
from dfinfra.managerlink_config import ManagerSection
from dfinfra.pb import manager_pb2 as pb
from dfinfra.pb import managerlink_pb2 as link
from dfinfra.tls import Identity, client_context, create_ca, issue
from tests.component.manager.bed import Bed, config_of, fresh_database, managed
from tests.component.manager.test_rpc import _scheduler, _until

REQUEST = link.WatchRequest(source_type=pb.PEER_SOURCE, hostname="node-1", ip="10.9.9.9")


@pytest.fixture
async def crowded(tmp_path: Path) -> AsyncIterator[Bed]:
    """A manager that gives no gRPC streams."""
    url = fresh_database("sqlite", tmp_path)
    async with managed(config_of(tmp_path, url, keepAlive={"streams": 0})) as bed:
        yield bed


class Node:
    """A node's connection to the manager, and what it was told."""

    def __init__(self, bed_target: str, copy: Path, identity: Identity | None = None) -> None:
        self.told: asyncio.Queue[link.Configuration] = asyncio.Queue()
        me = Me(pb.PEER_SOURCE, "node-1", "10.9.9.9", 4000, download_port=4005)
        section = ManagerSection(addrs=(bed_target,), tls=identity is not None)
        self.link = ManagerLink(section, me, identity, copy, self.told.put_nowait)

    async def __aenter__(self) -> Node:
        await self.link.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.link.stop()
        await self.link.aclose()

    async def hears(self, text: bytes) -> None:
        async with asyncio.timeout(10):
            while text not in (await self.told.get()).cluster.client_config:
                pass


async def _settle(bed: Bed, limit: int) -> None:
    root = await bed.root()
    change = {"peer_cluster_config": {"upload_rate_limit": limit}}
    await root.done("PATCH", "/api/v1/clusters/1", change)


async def test_a_node_too_many_is_told_all_and_where_to_go(crowded: Bed) -> None:
    answers = [told async for told in crowded.extension.Watch(REQUEST)]
    (told,) = answers
    assert told.cluster.name == "cluster-1"
    assert told.stream_port == crowded.app.grpc.streams.port
    assert told.ask_again_s >= 5
    again = link.WatchRequest()
    again.CopyFrom(REQUEST)
    again.known_digest = told.digest
    (short,) = [told async for told in crowded.extension.Watch(again)]
    assert (short.digest, short.cluster.id) == (told.digest, 0)


async def test_a_node_follows_on_the_bare_port_and_is_alive(crowded: Bed, tmp_path: Path) -> None:
    async with Node(crowded.grpc_target, tmp_path / "copy") as node:
        await _settle(crowded, 111)
        await node.hears(b"111")
        root = await crowded.root()

        async def state() -> str:
            peers = await root.done("GET", "/api/v1/peers?host_name=node-1")
            return str(peers[0]["state"]) if peers else ""

        async def active() -> bool:
            return await state() == "active"

        await _until(active)
        kept = read_copy(tmp_path / "copy")
        assert kept is not None
        assert kept.stream_port == crowded.app.grpc.streams.port


async def test_with_a_certificate_both_ports_are_for_hosts_of_the_cluster_only(
    tmp_path: Path,
) -> None:
    authority = create_ca(tmp_path / "ca")
    issue(authority, tmp_path / "manager", "host", dns=["manager.example"])
    node = issue(authority, tmp_path / "node", "host", dns=["node-1"])
    stranger = issue(create_ca(tmp_path / "other"), tmp_path / "stranger", "host")
    changes = {"security": {"dir": str(tmp_path / "manager")}, "keepAlive": {"streams": 0}}
    config = config_of(tmp_path, fresh_database("sqlite", tmp_path), **changes)
    async with managed(config) as bed:
        address = "127.0.0.1", bed.app.grpc.streams.port
        for identity, words in ((stranger, "tls"), (None, "clear")):
            link_of = Node(bed.grpc_target, tmp_path / words, identity)
            async with link_of as outside:
                assert outside.told.empty()
        with pytest.raises((ConnectionError, ssl.SSLError, asyncio.IncompleteReadError)):
            await _read_a_frame(address, client_context(stranger))
        async with Node(bed.grpc_target, tmp_path / "copy", node) as inside:
            await _settle(bed, 123)
            await inside.hears(b"123")
            await _settle(bed, 456)  # by now it follows on the bare port
            await inside.hears(b"456")


async def _read_a_frame(address: tuple[str, int], tls: ssl.SSLContext) -> None:
    reader, writer = await asyncio.open_connection(*address, ssl=tls)
    try:
        writer.write(frame(REQUEST.SerializeToString()))
        await reader.readexactly(4)
    finally:
        writer.close()


@pytest.mark.parametrize("sent", [b"\xff\xff\xff\xff", frame(b"\xff\xff"), frame(b"")])
async def test_nonsense_on_the_bare_port_ends_the_connection(crowded: Bed, sent: bytes) -> None:
    port = crowded.app.grpc.streams.port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent + b"x" * 8)
    async with asyncio.timeout(5):
        try:
            assert await reader.read() == b""
        except ConnectionResetError:
            pass
    writer.close()


async def test_the_copy_on_disk_is_in_force_without_a_manager(tmp_path: Path) -> None:
    kept = link.Configuration(digest="d")
    kept.cluster.client_config = b'{"upload_rate_limit": 5}'
    write_copy(tmp_path / "copy", kept)
    async with Node("127.0.0.1:1", tmp_path / "copy") as node:
        await node.hears(b"5")


def test_each_authority_of_a_cluster_has_a_copy_of_its_own(tmp_path: Path) -> None:
    """A chart that is installed anew makes a new one, and finds the disks of the nodes as they were."""
    authorities = [create_ca(tmp_path / "one"), create_ca(tmp_path / "other")]
    hosts = [issue(ca, tmp_path / f"host{n}", "host") for n, ca in enumerate(authorities)]
    renewed = issue(authorities[0], tmp_path / "renewed", "host")
    first, other = (copy_in(tmp_path, identity) for identity in hosts)
    assert first != other
    assert copy_in(tmp_path, renewed) == first
    assert copy_in(tmp_path, None) not in (first, other)


async def test_a_damaged_copy_keeps_nobody_from_starting(tmp_path: Path) -> None:
    (tmp_path / "copy").write_bytes(b"\xff\xfe not a message")
    assert read_copy(tmp_path / "copy") is None


async def test_schedulers_that_are_all_silent_are_kept(bed: Bed, tmp_path: Path) -> None:
    alive = await _scheduler(bed, "s1")
    async with Node(bed.grpc_target, tmp_path / "copy") as node:
        async with asyncio.timeout(10):
            while not (await node.told.get()).schedulers:
                pass
        alive.cancel()
        await _settle(bed, 222)
        await node.hears(b"222")
        kept = read_copy(tmp_path / "copy")
        assert kept is not None
        assert [one.hostname for one in kept.schedulers] == ["s1"]


async def test_a_node_comes_back_when_the_manager_does(tmp_path: Path) -> None:
    url = fresh_database("sqlite", tmp_path)
    async with managed(config_of(tmp_path, url)) as bed:
        port = bed.app.grpc.server.port
        async with Node(bed.grpc_target, tmp_path / "copy") as node:
            await _settle(bed, 333)
            await node.hears(b"333")
    changes = {"server": {"grpc": {"ip": "127.0.0.1", "port": port}}}
    async with Node(f"127.0.0.1:{port}", tmp_path / "copy") as node:
        await node.hears(b"333")  # from its disk
        async with managed(config_of(tmp_path, url, **changes)) as bed:
            await _settle(bed, 444)
            await node.hears(b"444")
