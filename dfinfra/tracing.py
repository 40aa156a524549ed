"""OpenTelemetry spans, only where they are configured and installed.

Nothing imports OpenTelemetry until :func:`setup` is called with an endpoint; until then
:func:`span` costs a function call and does nothing. Attributes go through the redaction of
the logs.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dfcore.errors import ConfigError
from dfinfra.redact import redact

_tracer: Any = None


def setup(service: str, endpoint: str) -> None:
    """Send spans to the OTLP gRPC collector at ``endpoint`` (``http://host:4317``).

    Raises ConfigError if the OpenTelemetry packages are not installed.
    """
    global _tracer
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
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    _tracer = provider.get_tracer("meganeura")


@contextmanager
def span(name: str, **attrs: Any) -> Iterator[None]:
    """A span around the block, or nothing if tracing is not set up."""
    if _tracer is None:
        yield
        return
    shown = {key: redact(value, key) for key, value in attrs.items()}
    with _tracer.start_as_current_span(name, attributes=shown):
        yield


def current_trace_id() -> str:
    """The id (32 hex digits) of the trace that this runs in, for log lines.

    Without tracing it is a new random one, by which lines of one piece of work can still be
    found together.
    """
    if _tracer is not None:
        from opentelemetry import trace  # type: ignore[import-not-found,unused-ignore]

        context = trace.get_current_span().get_span_context()
        if context.is_valid:
            return f"{context.trace_id:032x}"
    return secrets.token_hex(16)
