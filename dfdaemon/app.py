"""The composition root of a node: builds every part, and says in which order they start and stop.

The only module that knows all others. ``seedpeer`` calls it with another profile; the engine is the
same.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version

from prometheus_client import CollectorRegistry

from blobstore.store import BlobStore
from dfcore import ids
from dfcore.errors import ConfigError, MeganeuraError, NotFound
from dfdaemon.config import DaemonConfig, Profile, SchedulerConfig, state_dir, task_policy, trust_of
from dfdaemon.control.announce import Announcer
from dfdaemon.control.gateway import SeedGateway
from dfdaemon.control.hostinfo import LINK_VERSION, describer
from dfdaemon.control.links import Links
from dfdaemon.control.scheduler import SchedulerClient
from dfdaemon.control.seeds import SeedDirectory
from dfdaemon.control.serving import Serving
from dfdaemon.fetch.limiter import AdjustableLimiter
from dfdaemon.fetch.origin import OriginPool
from dfdaemon.fetch.parent import ParentConfig, ParentPool
from dfdaemon.hub.metadata import HubMetadata
from dfdaemon.hub.origin import OriginGateway
from dfdaemon.hub.urls import name_at_hub
from dfdaemon.keeper import Keeper
from dfdaemon.managed import Managed
from dfdaemon.peerlink.connect import dial
from dfdaemon.proxy.server import ProxyParts, ProxyServer
from dfdaemon.rpc.servers import rpc_services
from dfdaemon.task.memory import Memory
from dfdaemon.task.metrics import TaskMetrics
from dfdaemon.task.parts import EngineParts, HostIdentity, Limiters
from dfdaemon.task.registry import TaskRegistry
from dfdaemon.task.service import HubAnswer
from dfdaemon.upload.relay import GRPC_PROTOCOL
from dfdaemon.upload.sendfile import Sender
from dfdaemon.upload.server import UnitSent, UploadConfig, UploadServer
from dfinfra.admin import AdminServer
from dfinfra.authority import host_identity
from dfinfra.clock import SystemClock
from dfinfra.http import client_session
from dfinfra.lifecycle import Service
from dfinfra.metrics import new_registry
from dfinfra.net import own_address
from dfinfra.offload import Pool
from dfinfra.pb import common_pb2, meganeura_pb2
from dfinfra.rpc.channels import Channels
from dfinfra.services import Closing, Opening
from dfinfra.tls import LeafCache, client_context, create_ca, server_context


@dataclass
class Node:
    """The parts of a running node that others build on."""

    config: DaemonConfig
    profile: Profile
    host: HostIdentity
    registry: TaskRegistry
    metrics: CollectorRegistry
    services: list[Service]
    apply_limits: Callable[[DaemonConfig], None]


def build(config: DaemonConfig, profile: Profile, memory: Memory | None = None) -> Node:
    """Build a node. Nothing is opened, bound or started yet. Raises ConfigError."""
    builder = _Builder(config, profile, memory)
    return builder.node()


class _Builder:
    """Makes the parts in the order in which they need each other."""

    def __init__(self, config: DaemonConfig, profile: Profile, memory: Memory | None) -> None:
        self._memory = memory
        self._config = config
        self._profile = profile
        self._state = state_dir() / profile.log_name
        self._socket = config.download.socket_path or self._state / "dfdaemon.sock"
        self._identity = host_identity(config.security.dir)
        self._secure_socket = self._socket.with_suffix(".tls") if self._identity else None
        self._host = self._host_identity()
        self._registry = new_registry(profile.service, version("meganeura"))
        self._metrics = TaskMetrics(self._registry)
        self._disk = Pool("disk", 8)
        self._cpu = Pool("hash", 4)
        self._channels = Channels()
        self._store = BlobStore(config.storage.store(self._state / "blobs"))
        self._sender = Sender()
        self._limiters = Limiters(AdjustableLimiter(), AdjustableLimiter())
        self._upload_limiter = AdjustableLimiter()
        self._trust = trust_of(config)
        self._managed = Managed(config, seed=profile.seed)
        self.apply_limits(config)

    def apply_limits(self, config: DaemonConfig) -> None:
        """Set every bandwidth limit; a reload of the configuration does so again."""
        self._config_in_force = config
        config = self._managed.limited(config)
        self._limiters.download.set_rate(config.download.rate_limit_bytes)
        self._limiters.origin.set_rate(config.download.origin_rate_limit_bytes)
        self._limiters.task_rate_bytes_s = config.download.task_rate_limit_bytes
        self._upload_limiter.set_rate(config.upload.rate_limit_bytes)

    def _host_identity(self) -> HostIdentity:
        config = self._config
        ip = config.host.ip or own_address(config.manager.targets or config.scheduler.addrs)
        name = config.host.name
        host_id = ids.host_id(ip, name, seed=self._profile.seed)
        return HostIdentity(host_id, name, ip, config.upload.port, self._profile.seed)

    def node(self) -> Node:
        config, host = self._config, self._host
        tls = client_context(self._identity) if self._identity else None
        hello = meganeura_pb2.Hello(
            host_id=host.host_id,
            ip=host.ip,
            port=host.vortex_port,
            seed=host.seed,
            version=LINK_VERSION,
            hostname=host.hostname,
        )
        self._links = Links(lambda address: dial(address, hello, tls))
        self._client = SchedulerClient(_schedulers(config), self._channels, host.host_id)
        self._managed.attach(self._client, lambda: self.apply_limits(self._config_in_force))
        self._parents = ParentPool(ParentConfig(), tls=tls)
        self._origin = OriginPool(config.origin, self._trust)
        self._seeds = SeedDirectory(self._client)
        registry = TaskRegistry(self._engine())
        self._session = client_session()
        self._metadata = self._hub_metadata()
        if self._memory is not None:
            self._memory.meet(self._metadata)
        serving = Serving(registry, self._answer, self._child_left)
        self._upload = UploadServer(
            self._upload_config(),
            serving,
            hello,
            tls=server_context(self._identity, alpn=(GRPC_PROTOCOL,)) if self._identity else None,
            grpc=self._secure_socket,
            limiter=self._upload_limiter,
            sender=self._sender,
            on_sent=self._sent,
        )
        return Node(
            config,
            self._profile,
            host,
            registry,
            self._registry,
            self._services(registry),
            self.apply_limits,
        )

    def _hub_metadata(self) -> HubMetadata:
        """A seed faces the Hub; a node asks through the seed."""
        hub, clock = self._config.hub, SystemClock()
        direct = OriginGateway(hub, self._session, clock, tls=self._trust.context)
        facing = HubMetadata(hub, direct, clock, lists=True)
        if self._profile.seed:
            return facing
        gateway = SeedGateway(
            self._links,
            self._seeds,
            facing,
            partial(name_at_hub, hub.base),
            secure=self._identity is not None,
        )
        return HubMetadata(hub, gateway, clock)

    async def _answer(self, ask: meganeura_pb2.Ask) -> HubAnswer:
        """What another host asks of the Hub: seeds answer."""
        if not self._profile.seed:
            raise NotFound("this host does not answer for the Hub")
        return await self._metadata.ask(ask.method, ask.url, dict(ask.headers), ask.body)

    def _engine(self) -> EngineParts:
        config = self._config
        return EngineParts(
            host=self._host,
            policy=task_policy(config, self._profile),
            store=self._store,
            parents=self._parents,
            origin=self._origin,
            links=self._links,
            scheduler=self._client,
            channels=self._channels,
            limiters=self._limiters,
            disk=self._disk,
            cpu=self._cpu,
            clock=SystemClock(),
            rng=random.Random(),
            metrics=self._metrics,
            new_peer_id=self._new_peer_id,
            changed=self._task_changed,
            secure=self._identity is not None,
            linger_s=config.download.linger_s,
            memory=self._memory,
            admit=self._managed.admit,
            may_skip_verify=config.proxy.registry_mirror.may_skip_verify,
        )

    def _task_changed(self, task_id: str) -> None:
        self._upload.refresh(task_id)

    def _new_peer_id(self) -> str:
        host = self._host
        return ids.peer_id(host.ip, host.hostname, str(uuid.uuid4()), seed=host.seed)

    def _upload_config(self) -> UploadConfig:
        upload = self._config.upload
        return UploadConfig(
            host=upload.ip,
            port=upload.port,
            slots=upload.slots,
            seed_slots=self._profile.seed_slots,
            max_transfers=upload.max_transfers,
        )

    def _child_left(self, task_id: str, host_id: str) -> None:
        self._upload.child_left(task_id, host_id)

    def _sent(self, sent: UnitSent) -> None:
        self._metrics.uploaded_bytes.inc(sent.size_bytes)

    def _describe(self) -> common_pb2.Host:
        return self._describe_host()

    def _services(self, registry: TaskRegistry) -> list[Service]:
        config, host = self._config, self._host
        self._describe_host = describer(
            host_id=host.host_id,
            hostname=host.hostname,
            ip=host.ip,
            seed=host.seed,
            rpc_port=config.upload.rpc_port,
            vortex_port=config.upload.port,
            proxy_port=config.proxy.tcp_listen.port,
            idc=config.host.idc,
            location=config.host.location,
            disable_shared=config.host.disable_shared,
            max_upload_bytes_s=config.upload.rate_limit_bytes or 0,
            disk_path="/",
        )
        return [
            # Made already, so first to start and closed in any case.
            Closing("session", self._session.close),
            Opening("store", self._open_store, self._close_store),
            Keeper(self._store, self._disk),
            Closing("sender", self._sender.aclose),
            Closing("channels", self._channels.close),
            Closing("links", self._links.aclose),
            Closing("parents", self._parents.aclose),
            Closing("origin", self._origin.aclose),
            *([self._memory] if self._memory else []),
            Closing("tasks", registry.aclose),
            self._upload,
            *rpc_services(
                config,
                registry,
                self._client,
                self._metadata,
                self._describe,
                self._disk,
                self._socket,
                self._secure_socket,
            ),
            *self._manager_link(),
            Announcer(
                self._client,
                self._channels,
                self._describe,
                self._store,
                self._disk,
                config.scheduler.announce_interval_s,
            ),
            self._seeds,
            *self._proxy(registry),
            AdminServer(
                self._registry,
                config.pprof_port or config.admin.port,
                host="0.0.0.0" if config.metrics.enable else config.admin.ip,
            ),
        ]

    def _manager_link(self) -> list[Service]:
        if not self._config.manager.targets:
            return []
        link = self._managed.link(self._host, self._state, self._identity)
        return [Closing("manager channels", link.aclose), link]

    def _proxy(self, registry: TaskRegistry) -> list[Service]:
        if not self._profile.proxy:
            return []
        parts = ProxyParts(
            tasks=registry,
            metadata=self._metadata,
            sender=self._sender,
            clock=SystemClock(),
            registry=self._registry,
            leaves=self._leaves(),
            trust=self._trust,
            server_ip=self._host.ip,
        )
        return [ProxyServer(self._config.proxy, self._config.hub, parts)]

    def _leaves(self) -> LeafCache | None:
        """The certificates that intercepted clients are shown, by a CA made at the first start."""
        intercept = self._config.proxy.intercept
        if not intercept.enabled:
            return None
        folder = intercept.ca_dir or self._state / "proxy-ca"
        return LeafCache(create_ca(folder, "meganeura proxy CA"))

    async def _open_store(self) -> None:
        try:
            await self._disk.run(self._store.open)
        except (MeganeuraError, OSError) as error:
            raise ConfigError(f"storage: {error}") from error

    async def _close_store(self) -> None:
        await self._disk.run(self._store.close)
        self._disk.close()
        self._cpu.close()


def _schedulers(config: DaemonConfig) -> tuple[str, ...]:
    """Those to begin with: none if a manager will tell, unless some are named as well."""
    if config.manager.targets and config.scheduler.addrs == SchedulerConfig().addrs:
        return ()
    return config.scheduler.addrs
