from __future__ import annotations

import ipaddress

import pytest

from dfcore.errors import BadInput, Denied
from manager.jobs.targets import Targets, parse_networks


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/x",
        "http://127.1.2.3:8080/x",
        "http://169.254.169.254/latest/meta-data",
        "http://0.0.0.0/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[fe80::1]/",
        "http://[fd00:ec2::254]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://100.100.100.200/",
        "http://224.0.0.1/",
        "http://localhost:9000/",
        "http://metadata.google.internal/",
    ],
)
def test_inner_addresses_are_refused(url: str) -> None:
    with pytest.raises(Denied):
        Targets().check_literal(url)


@pytest.mark.parametrize("url", ["http://10.1.2.3/", "https://93.184.215.14/x", "http://host/"])
def test_others_are_permitted(url: str) -> None:
    Targets().check_literal(url)


def test_the_configuration_excepts_networks() -> None:
    targets = Targets(parse_networks(["127.0.0.0/8"]))
    assert targets.permits(ipaddress.ip_address("127.0.0.5"))
    assert targets.permits(ipaddress.ip_address("::ffff:127.0.0.5"))
    assert not targets.permits(ipaddress.ip_address("::1"))


async def test_a_name_is_judged_by_what_it_resolves_to() -> None:
    with pytest.raises(Denied):
        await Targets().resolve("localhost", 80)


def test_no_host_is_no_url() -> None:
    with pytest.raises(BadInput):
        Targets().check_literal("http:///x")


async def test_what_the_configuration_names_is_trusted_at_that_port_alone() -> None:
    targets = Targets(trusted=["http://localhost:8090", "https://127.0.0.1"])
    await targets.check("http://localhost:8090/api")
    targets.check_literal("https://127.0.0.1/x")
    for url in ("http://localhost:8091/", "http://127.0.0.1/", "http://127.0.0.1:8090/"):
        with pytest.raises(Denied):
            targets.check_literal(url)
