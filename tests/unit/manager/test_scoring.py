"""Which cluster fits a host best: Dragonfly's weights."""

from __future__ import annotations

import pytest

from manager.rpc.scoring import Scopes, Where, score

HOST = Where("10.1.2.3", "gpu-7.example", "berlin", "eu|de|berlin|mitte|r1")


@pytest.mark.parametrize(
    ("scopes", "expected"),
    [
        (Scopes(), 0.0),
        (Scopes(cidrs=("10.1.0.0/16",)), 0.3),
        (Scopes(cidrs=("10.2.0.0/16", "nonsense", "fd00::/8")), 0.0),
        (Scopes(hostnames=("^gpu-",)), 0.3),
        (Scopes(hostnames=("(", "cpu")), 0.0),
        (Scopes(idc="Berlin"), 0.25),
        (Scopes(idc="paris|BERLIN"), 0.25),
        (Scopes(location="eu|de"), 0.14 * 2 / 5),
        (Scopes(location="EU|DE|Berlin|Mitte|R1"), 0.14),
        (Scopes(location="us|de"), 0.0),
        (Scopes(("10.0.0.0/8",), ("gpu",), "berlin", "eu"), 0.3 + 0.3 + 0.25 + 0.14 / 5),
    ],
)
def test_each_match_has_its_weight(scopes: Scopes, expected: float) -> None:
    assert score(HOST, scopes, is_default=False) == pytest.approx(expected)


def test_the_default_cluster_wins_among_those_that_do_not_match() -> None:
    assert score(HOST, Scopes(), is_default=True) == pytest.approx(0.01)


def test_an_ipv4_address_in_ipv6_clothes_is_the_same() -> None:
    mapped = Where("::ffff:10.1.2.3", "n")
    assert score(mapped, Scopes(cidrs=("10.1.0.0/16",)), is_default=False) == pytest.approx(0.3)


def test_what_a_host_does_not_say_matches_nothing() -> None:
    silent = Where("not an address", "")
    everything = Scopes(("0.0.0.0/0",), (".*",), "x", "y")
    assert score(silent, everything, is_default=False) == 0.0
