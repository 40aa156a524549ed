"""The gRPC server of a service: bind, health, reflection, errors to statuses, stop.

A service builds a :class:`GrpcServer` with functions that register its servicers and puts it
into the list of ``lifecycle.run``. Handlers raise MeganeuraErrors; any other exception is
logged with its traceback and told to the caller as INTERNAL without its text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from dfcore.errors import ConfigError
from dfinfra.rpc import binding
from dfinfra.rpc.guard import Guard

_MAX_MESSAGE_BYTES = 80 << 20
_OPTIONS = (
    ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", _MAX_MESSAGE_BYTES),
    # Two servers on one port would each get half of the calls.
    ("grpc.so_reuseport", 0),
    # Plain Dragonfly peers ping often.
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
    ("grpc.http2.max_ping_strikes", 0),
)

Register = Callable[[grpc.aio.Server], None]


class GrpcServer:
    """A service of the process that serves gRPC at one or several addresses."""

    def __init__(
        self,
        addresses: Sequence[str],
        register: Sequence[Register],
        service_names: Sequence[str],
        *,
        credentials: grpc.ServerCredentials | None = None,
        grace_s: float = 5.0,
        max_concurrent_rpcs: int = 4096,
    ) -> None:
        """``addresses`` are ``ip:port`` (port 0: any free one) or ``unix:/path``.

        ``service_names`` are the full names for health and reflection
        (``scheduler.v2.Scheduler``). Unix sockets are never encrypted.
        """
        self.name = f"grpc {', '.join(addresses)}"
        self._addresses = tuple(addresses)
        self._register = tuple(register)
        self._service_names = tuple(service_names)
        self._credentials = credentials
        self._grace_s = grace_s
        self._max_concurrent_rpcs = max_concurrent_rpcs
        self._health: Any = health.aio.HealthServicer()  # type: ignore[attr-defined]
        self._server: grpc.aio.Server | None = None
        self.ports: tuple[int, ...] = ()

    @property
    def port(self) -> int:
        """The TCP port of the first address, once started."""
        return self.ports[0]

    async def start(self) -> None:
        """Bind all addresses and serve. Raises ConfigError if one cannot be bound."""
        server = grpc.aio.server(
            interceptors=[Guard()],
            options=_OPTIONS,
            maximum_concurrent_rpcs=self._max_concurrent_rpcs,
        )
        for register in self._register:
            register(server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        names = (*self._service_names, health.SERVICE_NAME)
        reflection.enable_server_reflection((*names, reflection.SERVICE_NAME), server)
        self.ports = tuple(self._bind(server, address) for address in self._addresses)
        await server.start()
        for name in ("", *self._service_names):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        self._server = server

    async def stop(self) -> None:
        """Say not-serving, refuse new calls, let running ones end within the grace time."""
        if self._server is None:
            return
        server, self._server = self._server, None
        await self._health.enter_graceful_shutdown()
        await server.stop(self._grace_s)

    def _bind(self, server: grpc.aio.Server, address: str) -> int:
        binding.check(address)
        try:
            if self._credentials is not None and not address.startswith("unix:"):
                return server.add_secure_port(address, self._credentials)
            return server.add_insecure_port(address)
        except RuntimeError as error:
            raise ConfigError(f"cannot listen on {address}: {error}") from error
