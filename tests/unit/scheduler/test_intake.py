"""What a peer took and from whom: pieces as bits, rates that fade, bounded sources."""

from __future__ import annotations

import pytest

from scheduler.resource.intake import Intake, Rate, Traffic


def test_a_rate_fades_and_the_total_stays() -> None:
    rate = Rate(0.0)
    rate.add(3000, 0.0)
    assert rate.at(0.0) == pytest.approx(1000)
    assert rate.at(3.0) == pytest.approx(500)
    assert rate.total_bytes == 3000


def test_pieces_are_bits_from_the_lowest() -> None:
    intake = Intake()
    for piece in (0, 9, -1):
        intake.note("a", piece, 10, 0.0)
    assert intake.piece_bytes(12) == b"\x01\x02"
    assert intake.piece_bytes(12, complete=True) == b"\xff\x0f"
    assert intake.sources["a"].total_bytes == 30


def test_the_slowest_source_makes_room_for_a_new_one() -> None:
    intake = Intake()
    for number in range(65):
        intake.note(f"h{number}", -1, 1000 + number, 0.0)
    assert len(intake.sources) == 64
    assert "h0" not in intake.sources


def test_traffic_tells_givers_and_takers_apart() -> None:
    traffic = Traffic()
    traffic.note(1, origin=True, taker_seed=True, giver_seed=False)
    traffic.note(2, origin=True, taker_seed=False, giver_seed=False)
    traffic.note(4, origin=False, taker_seed=False, giver_seed=True)
    traffic.note(8, origin=False, taker_seed=False, giver_seed=False)
    got = (traffic.origin_to_seeds, traffic.origin_to_peers, traffic.seeds_to_peers)
    assert (*got, traffic.peers_to_peers) == (1, 2, 4, 8)
