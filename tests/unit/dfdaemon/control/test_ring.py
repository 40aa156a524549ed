"""Which scheduler Dragonfly's own daemons choose: values computed with the crate that they use."""

from __future__ import annotations

import asyncio

import pytest

from dfdaemon.control.ring import SchedulerRing, siphash24
from dfdaemon.control.scheduler import SchedulerClient
from dfinfra.rpc.channels import Channels

ADDRESSES = ["10.0.0.1:8002", "10.0.0.2:8002", "10.0.0.3:8002"]
NAMES = {address: f"scheduler-{number}" for number, address in enumerate(ADDRESSES)}
ONE = "06408fbf247ddaca478f8cb9565fe5591c28efd0994b8fea80a6a87d3203c5ca"
TWO = "5844f27a257287e9b734256bb25603d8005422ced8c0377f15063ec11963b25f"


def test_the_point_of_a_key() -> None:
    assert siphash24(b"06408\xff") == 15470567515844578193


@pytest.mark.parametrize(
    ("key", "order"),
    [
        (ONE, "312"),
        (TWO, "231"),
        ("", "213"),
        ("c0ffee", "123"),
        ("task-b", "213"),
        ("task-d", "312"),
    ],
)
def test_schedulers_without_a_name_go_by_their_addresses(key: str, order: str) -> None:
    assert SchedulerRing(ADDRESSES).get(key) == [f"10.0.0.{number}:8002" for number in order]


@pytest.mark.parametrize(
    ("key", "order"),
    [(ONE, "201"), (TWO, "201"), ("c0ffee", "102"), ("task-a", "210"), ("task-d", "012")],
)
def test_schedulers_of_a_manager_go_by_the_names_of_their_hosts(key: str, order: str) -> None:
    found = SchedulerRing(ADDRESSES, NAMES).get(key)
    assert [NAMES[address] for address in found] == [f"scheduler-{number}" for number in order]


def test_addresses_of_ipv6() -> None:
    both = ["[fd00::1]:8002", "[fd00::2]:8002"]
    ring = SchedulerRing(both)
    assert ring.get(ONE) == both[::-1]
    assert ring.get("c0ffee") == both


def test_of_two_with_one_name_the_later_one_has_its_place_and_the_other_comes_last() -> None:
    names = {ADDRESSES[2]: "scheduler-0", ADDRESSES[0]: "scheduler-1", ADDRESSES[1]: "scheduler-0"}
    ring = SchedulerRing(ADDRESSES, names)
    assert ring.get("c0ffee") == [ADDRESSES[0], ADDRESSES[1], ADDRESSES[2]]
    assert ring.get("task-d") == [ADDRESSES[1], ADDRESSES[0], ADDRESSES[2]]


def test_names_of_others_have_no_place() -> None:
    ring = SchedulerRing(ADDRESSES[:2], NAMES)
    assert sorted(ring.get(ONE)) == ADDRESSES[:2]
    assert SchedulerRing([]).get(ONE) == []


async def test_a_node_chooses_as_dragonfly_does() -> None:
    channels = Channels()
    client = SchedulerClient(ADDRESSES, channels, "host")
    assert client.choose(ONE) == ADDRESSES[2]
    assert client.choose(TWO) == ADDRESSES[1]
    client.mark_down(ADDRESSES[2])
    assert client.choose(ONE) == ADDRESSES[0]
    client.set_addresses(ADDRESSES[:2], NAMES)
    assert client.choose("task-d") == ADDRESSES[0]
    # Another name is another place, at the same address.
    client.set_addresses(ADDRESSES[:2], {ADDRESSES[0]: "scheduler-1", ADDRESSES[1]: "scheduler-0"})
    assert client.choose("task-d") == ADDRESSES[1]
    await channels.close()


async def test_schedulers_are_away_from_when_the_last_was_lost_until_one_answers() -> None:
    channels = Channels()
    client = SchedulerClient(ADDRESSES[:2], channels, "host")
    assert client.away_s() == 0
    client.mark_down(ADDRESSES[0])
    assert client.away_s() == 0
    client.mark_down(ADDRESSES[1])
    await asyncio.sleep(0.01)
    before = client.away_s()
    assert before > 0
    client.mark_down(ADDRESSES[0])
    assert client.away_s() >= before
    client.mark_up(ADDRESSES[1])
    assert client.away_s() == 0
    client.set_addresses(ADDRESSES[2:])
    assert client.away_s() == 0
    await channels.close()
