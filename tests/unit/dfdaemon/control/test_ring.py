"""Which scheduler Dragonfly's own daemons choose: values computed with the crate that they use."""

from __future__ import annotations

import pytest

from dfdaemon.control.ring import DragonflyRing, _written, siphash24
from dfdaemon.control.scheduler import SchedulerClient
from dfinfra.rpc.channels import Channels

ADDRESSES = ["10.0.0.1:8002", "10.0.0.2:8002", "10.0.0.3:8002"]


@pytest.mark.parametrize(
    ("address", "point"),
    [
        ("127.0.0.1:8002", 3184271735162631494),
        ("10.0.0.2:8002", 4348847603351778578),
        ("10.0.0.3:8002", 4589980318568480855),
        ("[fd00::1]:8002", 2151880730393261331),
    ],
)
def test_points_of_addresses(address: str, point: int) -> None:
    assert siphash24(_written(address)) == point


def test_the_point_of_a_key() -> None:
    assert siphash24(b"06408\xff") == 15470567515844578193


def test_choices() -> None:
    ring = DragonflyRing(ADDRESSES)
    assert [ring.get(key)[0] for key in ("06408", "5844f", "12345", "c0ffe")] == [
        "10.0.0.2:8002",
        "10.0.0.2:8002",
        "10.0.0.1:8002",
        "10.0.0.2:8002",
    ]
    assert sorted(ring.get("abcde")) == ADDRESSES


def test_names_have_no_place_on_it() -> None:
    with pytest.raises(ValueError, match="scheduler"):
        DragonflyRing(["scheduler:8002"])


async def test_a_node_chooses_as_dragonfly_does_among_its_schedulers() -> None:
    channels = Channels()
    client = SchedulerClient(ADDRESSES, channels, "host")
    for address in ADDRESSES:
        client.note_plain(address, True)
    assert client.choose("06408" + "f" * 59) == "10.0.0.2:8002"
    assert client.choose("12345" + "f" * 59) == "10.0.0.1:8002"
    client.mark_down("10.0.0.1:8002")
    assert client.choose("12345" + "f" * 59) != "10.0.0.1:8002"
    await channels.close()
