"""Why a URL goes through the swarm or not."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict

from dfcore.errors import BadInput
from dfdaemon.cli.explain import explain
from dfdaemon.hub.config import HubConfig
from dfdaemon.proxy.config import ProxyConfig, RuleConfig
from dfdaemon.proxy.rules import Rules

RULES = Rules(ProxyConfig(proxies=(RuleConfig(r"\.bin$"),)), HubConfig())
NONE: CIMultiDict[str] = CIMultiDict()


def test_https_needs_interception_first() -> None:
    told = explain(RULES, "GET", "https://example.com/x.bin", NONE)
    assert (told["connect"], told["swarm"]) == ("tunnel", False)
    assert "way" not in told


def test_a_file_of_the_hub_goes_through_the_swarm() -> None:
    told = explain(RULES, "GET", "https://huggingface.co/gpt2/resolve/main/x", NONE)
    assert (told["connect"], told["way"], told["swarm"]) == ("intercept", "hub", True)


def test_a_rule_is_named() -> None:
    told = explain(RULES, "GET", "http://example.com/x.bin", NONE)
    assert told["swarm"]
    assert r"\.bin$" in told["reason"]


def test_a_header_counts() -> None:
    url = "http://example.com/x"
    assert not explain(RULES, "GET", url, NONE)["swarm"]
    wish = CIMultiDict({"X-Dragonfly-Use-P2P": "true"})
    assert explain(RULES, "GET", url, wish)["swarm"]


def test_a_path_is_a_request_to_the_mirror() -> None:
    told = explain(RULES, "GET", "/gpt2/resolve/main/x", NONE)
    assert told["origin"] == "https://huggingface.co/gpt2/resolve/main/x"


def test_a_query_is_not_shown() -> None:
    told = explain(RULES, "GET", "http://example.com/x.bin?sig=secret", NONE)
    assert "secret" not in str(told)


@pytest.mark.parametrize("url", ["x", "ftp://h/x", "http://"])
def test_what_is_no_request(url: str) -> None:
    with pytest.raises(BadInput):
        explain(RULES, "GET", url, NONE)
