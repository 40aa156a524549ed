"""Spans of a download arrive at a real OTLP receiver, as one trace over all hosts, without secrets."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.bed import CDN_HOST, MIB, started
from tests.e2e.secrets import READER
from tests.swarm.collector import Collector, Received
from tests.swarm.plan import Changes

pytestmark = pytest.mark.cluster

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CLIENT_SPAN = "00f067aa0ba902b7"
HEADERS = {
    "Authorization": f"Bearer {READER}",
    "traceparent": f"00-{TRACE}-{CLIENT_SPAN}-01",
}


def traced(endpoint: str) -> Changes:
    return {"tracing": {"endpoint": endpoint}, "hub": {"cdnHosts": [CDN_HOST]}}


@pytest.fixture(scope="module")
def received(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """What a download of a private file left at the collector when node and seed had ended."""
    folder = tmp_path_factory.mktemp("traced")
    with Collector.listening() as collector:
        settings = traced(collector.endpoint)
        with started(folder, nodes=1, node=settings, seed=settings) as bed:
            blob = bed.blob(5 * MIB, private=True)
            assert blob.is_whole(bed.read(bed.swarm.nodes[0], blob, headers=HEADERS).result())
        yield collector


def named(collector: Collector, service: str, name: str) -> list[Received]:
    return [s for s in collector.spans if (s.service, s.name) == (service, name)]


def test_it_is_one_trace_below_the_clients_own(received: Collector) -> None:
    spans = {span.id: span for span in received.spans}
    assert {span.service for span in spans.values()} == {"dfdaemon", "seedpeer"}
    assert {span.trace for span in spans.values()} == {TRACE}
    orphans = [s for s in spans.values() if s.parent not in spans and s.parent != CLIENT_SPAN]
    assert not orphans, orphans


def test_the_spans_lead_from_the_client_to_the_origin(received: Collector) -> None:
    spans = {span.id: span for span in received.spans}
    (at_origin,) = {s.parent for s in named(received, "seedpeer", "receive from the origin")}
    way = []
    span: Received | None = spans[at_origin]
    while span is not None:
        way.append((span.service, span.name))
        span = spans.get(span.parent)
    assert way == [
        ("seedpeer", "download"),
        ("dfdaemon", "download"),
        ("dfdaemon", "open task"),
        ("dfdaemon", "proxy GET"),
    ]


def test_attributes_tell_what_happened(received: Collector) -> None:
    (request,) = named(received, "dfdaemon", "proxy GET")
    # A client that has all of it and hangs up at once ends the request before that is told.
    assert request.attributes.get("meganeura.status", 200) == 200
    assert request.attributes["meganeura.way"] == "hub"
    assert request.attributes["meganeura.path"].endswith("/resolve/main/model.safetensors")
    (node,) = named(received, "dfdaemon", "download")
    (seed,) = named(received, "seedpeer", "download")
    assert node.attributes["meganeura.outcome"] == seed.attributes["meganeura.outcome"]
    assert node.attributes["meganeura.seed_bytes"] == 5 * MIB
    assert node.attributes["meganeura.origin_bytes"] == 0
    assert seed.attributes["meganeura.origin_bytes"] == 5 * MIB
    assert node.attributes["meganeura.task"] == seed.attributes["meganeura.task"]
    assert node.host != seed.host
    units = named(received, "dfdaemon", "fetch from a peer")
    whole = [s for s in units if not s.failed]
    assert sum(s.attributes["meganeura.size_bytes"] for s in whole) == 5 * MIB
    assert {s.attributes["meganeura.seed"] for s in whole} == {True}
    origin = named(received, "seedpeer", "receive from the origin")
    assert sum(s.attributes["meganeura.size_bytes"] for s in origin) == 5 * MIB


def test_no_right_of_anybody_is_told(received: Collector) -> None:
    assert READER.encode() not in received.raw
    assert re.search(rb"(?i)signature|policy=|bearer", received.raw) is None


def test_a_collector_that_is_away_costs_its_spans_and_nothing_else(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:  # takes connections and never answers
        with socket.create_server(("127.0.0.1", 0)) as closed:
            nobody = f"http://127.0.0.1:{closed.getsockname()[1]}"
        silent = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        with started(tmp_path, nodes=1, node=traced(nobody), seed=traced(silent)) as bed:
            blob = bed.blob(5 * MIB)
            assert blob.is_whole(bed.read(bed.swarm.nodes[0], blob).result())
        # They were told to stop, and ended in time by themselves.
        assert [member.exit_code for member in bed.swarm.members] == [0, 0, 0]
