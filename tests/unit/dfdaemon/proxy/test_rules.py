from __future__ import annotations

import pytest

from dfcore.errors import BadInput
from dfdaemon.hub.config import HubConfig
from dfdaemon.proxy.config import InterceptConfig, ProxyConfig, RegistryMirrorConfig, RuleConfig
from dfdaemon.proxy.rules import Route, Rules, Way
from dfdaemon.proxy.target import parse_target

US = "http://127.0.0.1:65001"
CDN_LFS = "https://cdn-lfs.huggingface.co"


def go(
    config: ProxyConfig,
    line: str,
    method: str = "GET",
    hub: HubConfig | None = None,
    **headers: str,
) -> Route:
    named = {"X-Dragonfly-" + name.replace("_", "-"): value for name, value in headers.items()}
    target = parse_target(method, line, "127.0.0.1:65001", ())
    return Rules(config, hub or HubConfig()).route(method, target, named, US)


def test_the_first_rule_found_in_the_url_without_query_wins() -> None:
    config = ProxyConfig(proxies=(RuleConfig("/x/", direct=True), RuleConfig("x")))
    assert go(config, "http://h/x/a").way is Way.DIRECT
    assert go(config, "http://h/x").way is Way.SWARM
    assert go(config, "http://h/a?x").way is Way.DIRECT


def test_a_rule_may_change_scheme_and_host() -> None:
    config = ProxyConfig(
        proxies=(
            RuleConfig("one", use_https=True),
            RuleConfig("two", redirect="other:81"),
            RuleConfig("three", redirect="https://other"),
        )
    )
    assert go(config, "http://one:80/a?b=%2F").url == "https://one/a?b=%2F"
    assert go(config, "http://two/a").url == "http://other:81/a"
    assert go(config, "http://three/a").url == "https://other/a"


def test_only_get_goes_to_the_swarm() -> None:
    config = ProxyConfig(proxies=(RuleConfig("."),))
    for method in ("HEAD", "POST", "PUT"):
        assert go(config, "http://h/x", method).way is Way.DIRECT


def test_a_client_may_ask_for_the_swarm() -> None:
    assert go(ProxyConfig(), "http://h/x", Use_P2P="true").way is Way.SWARM


def test_blobs_of_registries_go_by_a_built_in_rule() -> None:
    assert go(ProxyConfig(), "http://r/v2/a/blobs/sha256:1").way is Way.SWARM
    assert go(ProxyConfig(), "http://r/v2/a/manifests/1").way is Way.DIRECT


def test_hosts_of_the_hub_are_mirrored_over_https() -> None:
    route = go(ProxyConfig(), "http://huggingface.co/o/n/resolve/main/a")
    assert route.way is Way.HUB
    assert route.url == "https://huggingface.co/o/n/resolve/main/a"
    assert route.authority == ""
    assert go(ProxyConfig(), "http://hf.co/api/models").url == "https://huggingface.co/api/models"


def test_a_rule_may_keep_the_hub_out() -> None:
    config = ProxyConfig(proxies=(RuleConfig("huggingface", direct=True),))
    assert go(config, "http://huggingface.co/o/n/resolve/main/a").way is Way.DIRECT


def test_cdns_of_the_hub_need_no_rule() -> None:
    for host in ("us.aws.cdn.hf.co", "cas-bridge.xethub.hf.co", "cdn-lfs-us-1.hf.co"):
        assert go(ProxyConfig(), f"https://{host}/x?Signature=1").way is Way.CDN
    assert go(ProxyConfig(), "https://transfer.xethub.hf.co/xorbs/default/1").way is Way.DIRECT


def test_a_path_without_a_remote_is_the_hubs() -> None:
    route = go(ProxyConfig(), "/o/n/resolve/main/a")
    assert (route.way, route.authority) == (Way.HUB, US)


def test_hub_paths_and_mirror_paths_live_together() -> None:
    config = ProxyConfig(
        registry_mirror=RegistryMirrorConfig(url=CDN_LFS, insecure=True),
        proxies=(RuleConfig("repos.*", use_https=True),),
    )
    assert go(config, "/o/n/resolve/main/a").way is Way.HUB
    route = go(config, "/repos/aa/bb/cc/dd?Signature=1")
    assert (route.way, route.insecure) == (Way.CDN, True)
    assert route.url == f"{CDN_LFS}/repos/aa/bb/cc/dd?Signature=1"


def test_the_header_names_the_remote_if_it_may() -> None:
    assert go(ProxyConfig(), "/v2/", Registry="https://example.com").url == (
        "https://example.com/v2/"
    )
    assert go(ProxyConfig(), "/v2/", Registry="example.com:5000").url == (
        "https://example.com:5000/v2/"
    )
    fixed = ProxyConfig(registry_mirror=RegistryMirrorConfig(dynamic=False, url="http://r:5000"))
    assert go(fixed, "/v2/", Registry="https://example.com").url == "http://r:5000/v2/"
    with pytest.raises(BadInput):
        go(ProxyConfig(), "/v2/", Registry="ftp://x")


def test_containerd_names_the_remote_in_the_query() -> None:
    route = go(ProxyConfig(), "/v2/a/blobs/sha256:1?ns=docker.io")
    assert (route.way, route.url) == (
        Way.SWARM,
        "https://docker.io/v2/a/blobs/sha256:1?ns=docker.io",
    )


def test_a_mirror_may_be_past_the_swarm_or_for_blobs_alone() -> None:
    blob = "/v2/a/blobs/sha256:1"
    direct = ProxyConfig(registry_mirror=RegistryMirrorConfig(url="http://r", direct=True))
    assert go(direct, blob).way is Way.DIRECT
    blobs = ProxyConfig(
        registry_mirror=RegistryMirrorConfig(url="http://r", use_proxies=False),
        proxies=(RuleConfig("."),),
    )
    assert go(blobs, blob).way is Way.SWARM
    assert go(blobs, "/other").way is Way.DIRECT


def test_without_any_remote_a_path_leads_nowhere() -> None:
    route = go(ProxyConfig(), "/x", hub=HubConfig(mirror=False))
    assert route.way is Way.DENY


def test_the_proxy_is_no_remote_of_its_own() -> None:
    assert go(ProxyConfig(), "/x", Registry=US).way is Way.DENY


def test_denied_hosts_are_denied_in_every_form() -> None:
    config = ProxyConfig(denied_hosts=("169.254.*", "*.internal"))
    assert go(config, "http://169.254.169.254/latest").way is Way.DENY
    assert go(config, "/latest", Registry="http://169.254.169.254").way is Way.DENY
    assert go(config, "db.internal:5432", "CONNECT").way is Way.DENY


def test_connect_is_intercepted_for_named_hosts_and_tunnelled_else() -> None:
    config = ProxyConfig(intercept=InterceptConfig(hosts=(r"^models\.test$",)))
    ways = {
        host: go(config, f"{host}:443", "CONNECT").way
        for host in ("huggingface.co", "us.gcp.cdn.hf.co", "models.test", "other.test")
    }
    assert list(ways.values()) == [Way.INTERCEPT, Way.INTERCEPT, Way.INTERCEPT, Way.TUNNEL]
    off = ProxyConfig(intercept=InterceptConfig(enabled=False))
    assert go(off, "huggingface.co:443", "CONNECT").way is Way.TUNNEL


def test_a_url_is_explained_as_a_request_for_it_would_go() -> None:
    rules = Rules(ProxyConfig(proxies=(RuleConfig("weights"),)), HubConfig())
    assert "rule 'weights'" in rules.explain("GET", "https://h/weights").reason
    assert "only GET" in rules.explain("PUT", "https://h/weights").reason
    assert rules.explain("GET", "https://h/x").reason == "no rule matches"
    with pytest.raises(BadInput):
        rules.explain("GET", "h/x")
