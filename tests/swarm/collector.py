"""A collector of traces: the OTLP service over gRPC, which keeps the spans it is sent."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as pb
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as pb_grpc


@dataclass(frozen=True)
class Received:
    """One span as it arrived; ids in hex, ``parent`` empty for a root, duration in seconds."""

    service: str
    host: str
    name: str
    trace: str
    id: str
    parent: str
    attributes: Mapping[str, Any]
    failed: bool
    duration_s: float


class Collector(pb_grpc.TraceServiceServicer):  # type: ignore[misc]
    """Listens at ``endpoint``. ``raw`` is all that was sent."""

    def __init__(self) -> None:
        self.spans: list[Received] = []
        self.raw = b""
        self._news = threading.Condition()
        self._server = grpc.server(ThreadPoolExecutor(2))
        pb_grpc.add_TraceServiceServicer_to_server(self, self._server)
        self.endpoint = f"http://127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"

    @classmethod
    @contextmanager
    def listening(cls) -> Iterator[Self]:
        """One, until the block ends."""
        made = cls()
        made._server.start()
        try:
            yield made
        finally:
            made._server.stop(None).wait()

    def Export(
        self, request: pb.ExportTraceServiceRequest, _context: grpc.ServicerContext
    ) -> pb.ExportTraceServiceResponse:
        with self._news:
            self.raw += request.SerializeToString()
            for resource in request.resource_spans:
                about = _plain(resource.resource.attributes)
                for scope in resource.scope_spans:
                    self.spans += [_received(about, span) for span in scope.spans]
            self._news.notify_all()
        return pb.ExportTraceServiceResponse()

    def wait_for(self, true: Callable[[list[Received]], bool], timeout_s: float = 30.0) -> bool:
        """Whether it becomes true of the spans in time."""
        with self._news:
            return self._news.wait_for(lambda: true(self.spans), timeout_s)


def _received(about: Mapping[str, Any], span: Any) -> Received:
    return Received(
        about.get("service.name", ""),
        about.get("host.name", ""),
        span.name,
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        _plain(span.attributes),
        span.status.code == span.status.STATUS_CODE_ERROR,
        (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
    )


def _plain(attributes: Any) -> dict[str, Any]:
    return {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in attributes}
