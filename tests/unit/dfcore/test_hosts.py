"""Hosts as text."""

from __future__ import annotations

import pytest

from dfcore.hosts import host_port, is_one_of


@pytest.mark.parametrize(
    ("host", "written"),
    [("10.0.0.1", "10.0.0.1:80"), ("name", "name:80"), ("fd00::1", "[fd00::1]:80")],
)
def test_an_ipv6_address_gets_brackets(host: str, written: str) -> None:
    assert host_port(host, 80) == written


@pytest.mark.parametrize(
    ("authority", "patterns", "matches"),
    [
        ("hub.example", ("hub.example",), True),
        ("hub.example:443", ("HUB.example",), True),
        ("hub.example:443", ("hub.example:8443",), False),
        ("user@cdn.hub.example", ("*.hub.example",), True),
        ("evilhub.example", ("hub.example", "*.hub.example"), False),
        ("[fd00::1]:443", ("[[]fd00::1]",), True),
    ],
)
def test_a_name_matches_with_and_without_its_port(
    authority: str, patterns: tuple[str, ...], matches: bool
) -> None:
    assert is_one_of(authority, patterns) is matches
