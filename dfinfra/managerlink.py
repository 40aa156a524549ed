"""A process' connection to the manager: registers, keeps alive, and follows its configuration.

The last configuration is kept on disk and in force from the start, so that nodes and schedulers
start and work while the manager is away. Of several replicas any will do; the next one is tried
when one fails. A manager of Dragonfly's own cannot tell of changes: it is asked every
``pollInterval`` instead.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from dfcore.errors import ConfigError
from dfinfra.authority import Identity
from dfinfra.jobs import JobGroup
from dfinfra.logs import get_logger
from dfinfra.managerlink_config import ManagerSection
from dfinfra.pb import manager_pb2 as pb
from dfinfra.pb import manager_pb2_grpc, managerlink_pb2_grpc
from dfinfra.pb import managerlink_pb2 as link
from dfinfra.rpc.channels import Channels
from dfinfra.tls import client_context

log = get_logger("manager link")

CALL_TIMEOUT_S = 10.0
FIRST_WAIT_S = 3.0
"""How long a start without a copy on disk waits for the manager."""
SILENCE_S = 100.0
"""A manager that says nothing for so long is gone."""
BARRED_S = 600.0
"""A bare port that cannot be reached is tried again after this."""
SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 15.0
FIRST_LONGEST_PAUSE_S = 3.0
"""The same until the first answer: a cluster that starts waits for it."""


@dataclass(frozen=True, slots=True)
class Me:
    """Who it is that asks."""

    source: int
    """PEER_SOURCE, SEED_PEER_SOURCE or SCHEDULER_SOURCE of manager.v2."""
    hostname: str
    ip: str
    port: int
    download_port: int = 0
    proxy_port: int = 0
    idc: str = ""
    location: str = ""
    version: str = ""
    os: str = ""
    kernel_version: str = ""
    cluster_id: int = 0


Adopt = Callable[[link.Configuration], None]


class ManagerLink:
    """A service of the process; ``adopt`` is called on the loop with each new configuration."""

    name = "manager link"

    def __init__(
        self,
        section: ManagerSection,
        me: Me,
        identity: Identity | None,
        copy: Path,
        adopt: Adopt,
    ) -> None:
        """``identity`` is this host's certificate of the cluster, which ``tls`` of the section needs.

        Raises ConfigError.
        """
        check_section(section, identity)
        if not section.tls:
            identity = None
        self._section = section
        self._me = me
        self._channels = Channels(identity)
        self._copy = copy
        self._adopt = adopt
        self._targets: Sequence[str] = section.targets
        self._tls = None if identity is None else client_context(identity)
        self._stream_port = 0
        self._barred_until = 0.0
        self._current: link.Configuration | None = None
        self._told = asyncio.Event()
        self._heard = False
        self._jobs = JobGroup("manager")

    async def start(self) -> None:
        """Put the copy on disk in force, or wait a moment for the manager if there is none."""
        kept = read_copy(self._copy)
        if kept is not None:
            self._put_in_force(kept)
            self._stream_port = kept.stream_port
        self._jobs.spawn(self._follow(), name="follow")
        if self._me.source != pb.PEER_SOURCE:
            self._jobs.spawn(self._keep_alive(), name="keep alive")
        if kept is None:
            try:
                async with asyncio.timeout(FIRST_WAIT_S):
                    await self._told.wait()
            except TimeoutError:
                log.warning("manager does not answer", managers=list(self._targets))

    async def stop(self) -> None:
        """Leave: the ends of the streams tell the manager so."""
        await self._jobs.cancel_all()

    async def aclose(self) -> None:
        """Close its channels, after all else has stopped."""
        await self._channels.close()

    # The configuration

    async def _follow(self) -> None:
        pause_s, turn = SHORTEST_PAUSE_S, random.randrange(len(self._targets))
        while True:
            target = self._targets[turn % len(self._targets)]
            try:
                async for told in self._configurations(target):
                    pause_s, self._heard = SHORTEST_PAUSE_S, True
                    self._take(told)
            except grpc.aio.AioRpcError as error:
                log.warning(
                    "manager does not answer",
                    manager=target,
                    code=error.code().name,
                    reason=error.details(),
                )
            turn += 1
            pause_s = await self._pause(pause_s)

    async def _pause(self, pause_s: float) -> float:
        """Wait about so long; how long to wait next."""
        # Ten thousand nodes must not come back in the same moment.
        await asyncio.sleep(pause_s * random.uniform(0.5, 1.5))
        return min(2 * pause_s, LONGEST_PAUSE_S if self._heard else FIRST_LONGEST_PAUSE_S)

    async def _configurations(self, target: str) -> AsyncIterator[link.Configuration]:
        """As the manager tells them; by asking again and again if it is Dragonfly's own."""
        again_s = 0
        try:
            while True:
                if self._stream_port and not self._barred:
                    await self._channels.drop(target)
                    async with aclosing(self._by_stream(target)) as stream:
                        async for told in stream:
                            yield told
                async with aclosing(self._by_grpc(target)) as stream:
                    async for told in stream:
                        self._stream_port, again_s = told.stream_port, told.ask_again_s
                        yield told
                if not again_s:
                    return
                if not self._stream_port or self._barred:
                    await asyncio.sleep(again_s * random.uniform(0.7, 1.0))
        except grpc.aio.AioRpcError as error:
            if error.code() != grpc.StatusCode.UNIMPLEMENTED:
                raise
        while True:
            yield await self._ask(manager_pb2_grpc.ManagerStub(self._channels.get(target)))
            await asyncio.sleep(self._section.poll_interval_s * random.uniform(0.8, 1.2))

    async def _by_grpc(self, target: str) -> AsyncGenerator[link.Configuration]:
        stub = managerlink_pb2_grpc.ManagerExtensionStub(self._channels.get(target))
        async for told in stub.Watch(self._request()):
            yield told

    @property
    def _barred(self) -> bool:
        """The bare port could not be reached of late."""
        return asyncio.get_running_loop().time() < self._barred_until

    async def _by_stream(self, target: str) -> AsyncGenerator[link.Configuration]:
        """The same on a bare port, until it ends; that it cannot be had is no error."""
        host = target.rpartition(":")[0].strip("[]")
        writer = None
        try:
            async with asyncio.timeout(CALL_TIMEOUT_S):
                reader, writer = await asyncio.open_connection(
                    host, self._stream_port, ssl=self._tls, limit=4 << 20
                )
            writer.write(frame(self._request().SerializeToString()))
            while True:
                async with asyncio.timeout(SILENCE_S):
                    size = int.from_bytes(await reader.readexactly(4), "big")
                    raw = await reader.readexactly(size)
                if raw:
                    told = link.Configuration.FromString(raw)
                    told.stream_port = self._stream_port
                    yield told
        except (asyncio.IncompleteReadError, DecodeError, OSError) as error:
            if writer is None:
                self._barred_until = asyncio.get_running_loop().time() + BARRED_S
            log.info("the manager's stream ended", manager=target, reason=type(error).__name__)
        finally:
            if writer is not None:
                writer.close()

    def _request(self) -> link.WatchRequest:
        me = self._me
        return link.WatchRequest(
            source_type=me.source,  # type: ignore[arg-type]
            hostname=me.hostname,
            ip=me.ip,
            port=me.port,
            download_port=me.download_port,
            proxy_port=me.proxy_port,
            idc=me.idc,
            location=me.location,
            version=me.version,
            os=me.os,
            kernel_version=me.kernel_version,
            cluster_id=me.cluster_id,
            known_digest=self._current.digest if self._current is not None else "",
        )

    async def _ask(self, stub: Any) -> link.Configuration:
        me, told = self._me, link.Configuration()
        who: dict[str, Any] = {"source_type": me.source, "hostname": me.hostname, "ip": me.ip}
        if me.source == pb.SCHEDULER_SOURCE:
            request = pb.GetSchedulerRequest(**who, scheduler_cluster_id=me.cluster_id)
            own = await stub.GetScheduler(request, timeout=CALL_TIMEOUT_S)
            told.cluster.CopyFrom(own.scheduler_cluster)
            told.seed_peers.extend(own.seed_peers)
        else:
            listed = await stub.ListSchedulers(
                pb.ListSchedulersRequest(
                    **who,
                    idc=me.idc,
                    location=me.location,
                    version=me.version,
                    scheduler_cluster_id=me.cluster_id if me.source == pb.PEER_SOURCE else 0,
                ),
                timeout=CALL_TIMEOUT_S,
            )
            told.schedulers.extend(listed.schedulers)
            if told.schedulers:
                told.cluster.CopyFrom(told.schedulers[0].scheduler_cluster)
        try:
            found = await stub.ListApplications(
                pb.ListApplicationsRequest(**who), timeout=CALL_TIMEOUT_S
            )
            told.applications.extend(found.applications)
        except grpc.aio.AioRpcError as error:
            if error.code() != grpc.StatusCode.NOT_FOUND:
                raise
        told.digest = hashlib.sha256(told.SerializeToString(deterministic=True)).hexdigest()
        return told

    def _take(self, told: link.Configuration) -> None:
        current = self._current
        if current is not None and current.digest == told.digest:
            self._told.set()
            return
        if not told.schedulers and current is not None:
            # All schedulers are silent, perhaps because they restart: those that were known are
            # more than none.
            told.schedulers.extend(current.schedulers)
        try:
            write_copy(self._copy, told)
        except OSError as error:
            log.error("configuration not kept", path=str(self._copy), reason=error.strerror)
        self._put_in_force(told)

    def _put_in_force(self, told: link.Configuration) -> None:
        self._current = told
        try:
            self._adopt(told)
        except ValueError as error:
            log.error("the manager's configuration does not fit", reason=str(error))
        self._told.set()

    # Registration, of schedulers and seeds

    async def _keep_alive(self) -> None:
        pause_s, turn = SHORTEST_PAUSE_S, 0
        while True:
            target = self._targets[turn % len(self._targets)]
            stub = manager_pb2_grpc.ManagerStub(self._channels.get(target))
            try:
                await self._register(stub)
                log.info("registered", manager=target)
                pause_s, self._heard = SHORTEST_PAUSE_S, True
                await stub.KeepAlive(self._signs())
            except grpc.aio.AioRpcError as error:
                log.warning(
                    "not registered",
                    manager=target,
                    code=error.code().name,
                    reason=error.details(),
                )
            turn += 1
            pause_s = await self._pause(pause_s)

    async def _register(self, stub: Any) -> None:
        me = self._me
        common: dict[str, Any] = {
            "source_type": me.source,
            "hostname": me.hostname,
            "ip": me.ip,
            "port": me.port,
        }
        if me.idc:
            common["idc"] = me.idc
        if me.location:
            common["location"] = me.location
        if me.source == pb.SCHEDULER_SOURCE:
            scheduler = pb.UpdateSchedulerRequest(**common, scheduler_cluster_id=me.cluster_id)
            await stub.UpdateScheduler(scheduler, timeout=CALL_TIMEOUT_S)
            return
        seed = pb.UpdateSeedPeerRequest(
            **common,
            type="super",
            download_port=me.download_port,
            seed_peer_cluster_id=me.cluster_id,
        )
        await stub.UpdateSeedPeer(seed, timeout=CALL_TIMEOUT_S)

    async def _signs(self) -> AsyncIterator[pb.KeepAliveRequest]:
        me = self._me
        sign = pb.KeepAliveRequest(
            source_type=me.source,  # type: ignore[arg-type]
            hostname=me.hostname,
            ip=me.ip,
            cluster_id=me.cluster_id,
        )
        while True:
            yield sign
            await asyncio.sleep(self._section.keep_alive_interval_s)


def check_section(section: ManagerSection, identity: Identity | None) -> None:
    """Raise ConfigError if TLS is wanted and there is no certificate for it."""
    if section.targets and section.tls and identity is None:
        raise ConfigError("manager.tls: needs security.dir, the folder of the certificate")


def frame(message: bytes) -> bytes:
    """The message after its length, as the bare port takes it."""
    return len(message).to_bytes(4, "big") + message


def copy_in(folder: Path, identity: Identity | None) -> Path:
    """Where the last configuration is kept: for every cluster authority in a file of its own, since a
    cluster that was installed anew has other schedulers than the one before it on the same hosts."""
    if identity is None:
        return folder / "manager.copy"
    return folder / f"manager-{hashlib.sha256(identity.ca.read_bytes()).hexdigest()[:12]}.copy"


def read_copy(path: Path) -> link.Configuration | None:
    """The configuration on disk; None if there is none that can be read."""
    try:
        return link.Configuration.FromString(path.read_bytes())
    except FileNotFoundError:
        return None
    except Exception as error:  # a damaged file must not keep a node from starting
        log.warning("the copy of the configuration is damaged", path=str(path), reason=str(error))
        return None


def write_copy(path: Path, told: link.Configuration) -> None:
    """Replace the copy on disk, whole or not at all. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    with open(fresh, "wb") as file:
        file.write(told.SerializeToString())
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
