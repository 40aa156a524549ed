from __future__ import annotations

import pytest

from dfcore.errors import BadInput
from dfdaemon.proxy.target import Form, Target, parse_authority, parse_target, split_authority

OWN = {"127.0.0.1:65001", "localhost:65001"}


@pytest.mark.parametrize(
    ("line", "target"),
    [
        ("/a?b=%2F", Target(Form.ORIGIN, "http", "host", "/a?b=%2F")),
        ("*", Target(Form.ORIGIN, "http", "host", "/")),
        ("http://X.test/a?b=%2F#c", Target(Form.ABSOLUTE, "http", "x.test", "/a?b=%2F")),
        ("https://x.test:8443", Target(Form.ABSOLUTE, "https", "x.test:8443", "/")),
        ("http://x.test?q=http://y/z", Target(Form.ABSOLUTE, "http", "x.test", "/?q=http://y/z")),
        ("http://u:p@x.test/a", Target(Form.ABSOLUTE, "http", "x.test", "/a")),
        ("http://localhost:65001/a", Target(Form.ORIGIN, "http", "localhost:65001", "/a")),
    ],
)
def test_the_forms_of_a_request_line(line: str, target: Target) -> None:
    assert parse_target("GET", line, "host", OWN) == target


def test_connect_names_a_host_and_a_port() -> None:
    assert parse_target("CONNECT", "Hub.test:443", "", OWN).authority == "hub.test"
    assert parse_target("CONNECT", "hub.test:8443", "", OWN).authority == "hub.test:8443"


def test_inside_a_tunnel_the_tunnels_host_counts() -> None:
    target = parse_target("GET", "/a", "other.test", OWN, "hub.test")
    assert target.url == "https://hub.test/a"


@pytest.mark.parametrize("line", ["ftp://x/a", "a/b", "http:///x"])
def test_other_targets_are_refused(line: str) -> None:
    with pytest.raises(BadInput):
        parse_target("GET", line, "host", OWN)


@pytest.mark.parametrize("text", ["", ":443", "h:0", "h:70000", "h:x", "h/x:1", "u@h:1"])
def test_other_authorities_are_refused(text: str) -> None:
    with pytest.raises(BadInput):
        parse_authority(text, 443)


def test_an_ipv6_authority_has_brackets() -> None:
    assert parse_authority("[::1]:443", 443) == "[::1]"
    assert split_authority("[::1]", 443) == ("::1", 443)
    assert split_authority("[::1]:8443", 443) == ("::1", 8443)
