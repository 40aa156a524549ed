"""Without a collector spans are nothing; with one they hold no secret and are nobody's by mistake."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from dfcore.errors import NotFound
from dfinfra import tracing

TRACE = "0af7651916cd43dd8448eb211c80319c"
SENT = f"00-{TRACE}-b7ad6b7169203331-01"


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(tracing, "_tracer", provider.get_tracer("test"))
    yield exporter
    provider.shutdown()


def only(exporter: InMemorySpanExporter) -> ReadableSpan:
    (span,) = exporter.get_finished_spans()
    return span


def test_a_span_without_tracing_does_nothing() -> None:
    with tracing.span("fetch", unit=3) as span:
        span.set(more=1)
        assert span.traceparent == tracing.traceparent() == ""
    tracing.flush()


def test_trace_ids_differ_and_look_like_trace_ids() -> None:
    one, two = tracing.current_trace_id(), tracing.begin("download").trace_id
    assert one != two
    assert len(bytes.fromhex(one)) == len(bytes.fromhex(two)) == 16


def test_what_another_host_sent_is_the_parent(ended: InMemorySpanExporter) -> None:
    with tracing.span("serve", SENT) as span:
        assert span.trace_id == tracing.current_trace_id() == TRACE
        assert tracing.traceparent() == span.traceparent
    parent = only(ended).parent
    assert parent is not None
    assert f"{parent.span_id:016x}" == "b7ad6b7169203331"


@pytest.mark.parametrize(
    "sent",
    ["", "nonsense", SENT.upper(), SENT + "-x", f"00-{'0' * 32}-{'0' * 16}-01", "ff" + SENT[2:]],
)
def test_nonsense_of_another_host_begins_a_new_trace(
    ended: InMemorySpanExporter, sent: str
) -> None:
    with tracing.span("serve", sent) as span:
        assert span.trace_id != TRACE
    assert only(ended).parent is None


def test_an_explicit_parent_counts_wherever_the_child_begins(ended: InMemorySpanExporter) -> None:
    download = tracing.begin("download")
    with tracing.span("something else"):
        with tracing.span("fetch", download) as fetch:
            assert fetch.trace_id == download.trace_id
    download.end()


def test_attributes_hold_no_secret(ended: InMemorySpanExporter) -> None:
    url = "https://cdn/x?X-Amz-Signature=abcdef0123456789"
    with tracing.span("ask", token="hf_secretsecretsecret", url=url, parent="p", name="n"):
        pass
    told = dict(only(ended).attributes or {})
    assert told["meganeura.token"] == "***"
    assert "abcdef" not in str(told)
    assert (told["meganeura.parent"], told["meganeura.name"]) == ("p", "n")


def test_a_failure_is_told_by_its_code_alone(ended: InMemorySpanExporter) -> None:
    with pytest.raises(NotFound), tracing.span("ask"):
        raise NotFound("what a client sent: hf_secretsecretsecret")
    span = only(ended)
    assert (span.status.is_ok, span.status.description) == (False, NotFound.code)
    assert not span.events
