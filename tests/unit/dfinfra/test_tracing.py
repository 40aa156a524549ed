"""Without a collector, spans are nothing and trace ids are random."""

from __future__ import annotations

from dfinfra import tracing


def test_a_span_without_tracing_does_nothing() -> None:
    with tracing.span("fetch", unit=3):
        done = True
    assert done


def test_trace_ids_differ_and_look_like_trace_ids() -> None:
    one, two = tracing.current_trace_id(), tracing.current_trace_id()
    assert one != two
    assert len(bytes.fromhex(one)) == 16
