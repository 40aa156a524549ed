"""OpenTelemetry spans, only where they are configured and installed.

Nothing imports OpenTelemetry until :func:`setup` is called with an endpoint; until then a span
costs a function call and does nothing. Spans go out from a thread of their own: a collector that is
slow or away costs its spans and nothing else. Attributes go through the redaction of the logs, and
exceptions are told by name only, since their texts may hold what clients sent.
"""

from __future__ import annotations

import logging
import re
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dfcore.errors import ConfigError
from dfinfra.redact import redact

EXPORT_TIMEOUT_S = 5.0
"""How long one batch may take, and how long the last ones may hold up the end of the process."""

_TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")

_tracer: Any = None
_provider: Any = None


def setup(service: str, endpoint: str, host: str = "") -> None:
    """Send spans to the OTLP gRPC collector at ``endpoint`` (``http://host:4317``).

    Raises ConfigError if the OpenTelemetry packages are not installed.
    """
    global _tracer, _provider
    try:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (  # type: ignore[import-not-found,unused-ignore]
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import (  # type: ignore[import-not-found,unused-ignore]
            Resource,
        )
        from opentelemetry.sdk.trace import (  # type: ignore[import-not-found,unused-ignore]
            TracerProvider,
        )
        from opentelemetry.sdk.trace.export import (  # type: ignore[import-not-found,unused-ignore]
            BatchSpanProcessor,
        )
    except ImportError as error:
        raise ConfigError(
            "tracing.endpoint: needs the packages of `pip install meganeura[tracing]`"
        ) from error
    named = {"service.name": service, **({"host.name": host} if host else {})}
    # Not at the exit of the interpreter, where nothing bounds it: `flush` does it.
    provider = TracerProvider(resource=Resource.create(named), shutdown_on_exit=False)
    # A collector that is away is the world's fault and no error of ours.
    logging.getLogger(OTLPSpanExporter.__mro__[1].__module__).addFilter(_as_warning)
    exporter = OTLPSpanExporter(endpoint=endpoint, timeout=EXPORT_TIMEOUT_S)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    _tracer, _provider = provider.get_tracer("meganeura"), provider


def flush() -> None:
    """Send what has not gone out yet, and end. Takes seconds at most if nobody listens."""
    global _tracer, _provider
    provider, _provider, _tracer = _provider, None, None
    if provider is None:
        return
    # The library tries each batch that waits for its whole time: not longer than one, all together.
    ending = threading.Thread(target=provider.shutdown, name="last spans", daemon=True)
    ending.start()
    ending.join(EXPORT_TIMEOUT_S)


class Span:
    """A stretch of work. Without tracing it is nothing but a random trace id."""

    __slots__ = ("_span", "_trace_id", "traceparent")

    def __init__(self, span: Any) -> None:
        self._span = span
        self._trace_id = ""
        self.traceparent = ""
        """The W3C Trace Context by which another host's spans become children of this one."""
        if span is None:
            return
        context = span.get_span_context()
        self._trace_id = f"{context.trace_id:032x}"
        self.traceparent = f"00-{self._trace_id}-{context.span_id:016x}-{context.trace_flags:02x}"

    @property
    def trace_id(self) -> str:
        """32 hex digits; without tracing made when somebody asks, for most spans have no log line."""
        if not self._trace_id:
            self._trace_id = secrets.token_hex(16)
        return self._trace_id

    def set(self, **attrs: Any) -> None:
        """Add attributes: ``size_bytes=3`` is the attribute ``meganeura.size_bytes``."""
        if self._span is not None:
            self._span.set_attributes(_shown(attrs))

    def end(self, error: BaseException | None = None) -> None:
        """It is over; with ``error`` it has failed."""
        if self._span is None:
            return
        if error is not None:
            from opentelemetry.trace import (  # type: ignore[import-not-found,unused-ignore]
                Status,
                StatusCode,
            )

            name = getattr(error, "code", None) or type(error).__name__
            self._span.set_status(Status(StatusCode.ERROR, str(name)))
        self._span.end()


def begin(name: str, parent: Span | str | None = None, /, **attrs: Any) -> Span:
    """Start a span that its owner ends. ``parent`` is a span, what another host sent, or what runs.

    What another host sent is believed if it has the form of a ``traceparent``.
    """
    if _tracer is None:
        return Span(None)
    return Span(_tracer.start_span(name, context=_context(parent), attributes=_shown(attrs)))


@contextmanager
def span(name: str, parent: Span | str | None = None, /, **attrs: Any) -> Iterator[Span]:
    """A span around the block, in which it is the parent of what begins without one.

    It has failed if the block raises; work that was given up has not.
    """
    begun = begin(name, parent, **attrs)
    if begun._span is None:
        yield begun
        return
    from opentelemetry import trace  # type: ignore[import-not-found,unused-ignore]

    failure: BaseException | None = None
    try:
        with trace.use_span(begun._span, record_exception=False, set_status_on_exception=False):
            yield begun
    except Exception as error:
        failure = error
        raise
    finally:
        begun.end(failure)


def traceparent() -> str:
    """That of the span that this runs in; empty without."""
    if _tracer is None:
        return ""
    running = _running()
    return "" if running is None else Span(running).traceparent


def current_trace_id() -> str:
    """The id (32 hex digits) of the trace that this runs in, for log lines.

    Without tracing it is a new random one, by which lines of one piece of work can still be
    found together.
    """
    running = _running() if _tracer is not None else None
    return Span(running).trace_id


def _as_warning(record: logging.LogRecord) -> bool:
    if record.levelno > logging.WARNING:
        record.levelno, record.levelname = logging.WARNING, "WARNING"
    return True


def _running() -> Any:
    from opentelemetry import trace

    running = trace.get_current_span()
    return running if running.get_span_context().is_valid else None


def _context(parent: Span | str | None) -> Any:
    """What OpenTelemetry takes for the parent; None is what runs."""
    if isinstance(parent, Span):
        if parent._span is None:
            return None
        from opentelemetry import trace

        return trace.set_span_in_context(parent._span)
    if not parent or _TRACEPARENT.fullmatch(parent) is None:
        return None
    from opentelemetry.trace.propagation.tracecontext import (  # type: ignore[import-not-found,unused-ignore]
        TraceContextTextMapPropagator,
    )

    return TraceContextTextMapPropagator().extract({"traceparent": parent})


def _shown(attrs: dict[str, Any]) -> dict[str, Any]:
    return {f"meganeura.{key}": redact(value, key) for key, value in attrs.items()}
