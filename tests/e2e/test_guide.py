"""The Dragonfly + Hugging Face guide works as written: its script, its configuration, its clients.

The registry mirror's URL is the stand-in's CDN, which speaks https with a certificate that nobody
knows; the guide's `insecure: true` is what lets the nodes take it, and the seed by a setting of its own.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from dfdaemon.config import DaemonConfig
from dfinfra import config
from tests.clients import guide_recipe
from tests.e2e.bed import MIB, Bed, Plan, sha256
from tests.e2e.http import fetch
from tests.standin.process import StandInProcess

pytestmark = [pytest.mark.cluster, pytest.mark.clients]


def _values() -> dict:
    values: dict = yaml.safe_load(guide_recipe.CHART_VALUES.read_text())
    return values


def _node(standin: StandInProcess) -> dict:
    """The guide's configuration; only addresses differ, since the nodes share one machine."""
    values = _values()["dfdaemon"]["config"]
    del values["proxy"]["tcpListen"], values["pprofPort"]
    values["proxy"]["registryMirror"]["url"] = standin.cdn_url
    return {**values, "hub": {"caFile": None}, "origin": {"caFile": None}}


PLAN = Plan(
    nodes=2,
    tls=True,
    node=_node,
    seed={"origin": {"caFile": None}, "proxy": {"registryMirror": {"insecure": True}}},
    settings={"signing": "cloudfront", "cdn_base": guide_recipe.CDN},
)


def test_the_guides_values_are_a_configuration(tmp_path: Path) -> None:
    file = tmp_path / "dfdaemon.yaml"
    file.write_text(yaml.safe_dump(_values()["dfdaemon"]["config"]))
    loaded = config.load(DaemonConfig, file)
    proxy = loaded.proxy
    assert (proxy.tcp_listen.listen, proxy.tcp_listen.port) == ("0.0.0.0", 65001)
    assert proxy.registry_mirror.url == guide_recipe.CDN
    assert proxy.filtered_params == ("Expires", "Key-Pair-Id", "Policy", "Signature")
    assert (proxy.proxies[0].regx, proxy.proxies[0].use_https) == ("repos.*", True)
    assert loaded.pprof_port == 18066


@pytest.mark.parametrize("version", guide_recipe.HUB_VERSIONS)
def test_the_script_downloads_as_written_and_the_cdn_sends_the_file_once(
    version: str, bed: Bed
) -> None:
    made = bed.standin.create(guide_recipe.REPO, {guide_recipe.FILE: bed.weights(3 * MIB)})
    digest = made["sha256"][guide_recipe.FILE]
    for node in bed.nodes:
        home = bed.home()
        port = urlsplit(node.proxy_url).port
        assert port is not None
        result = guide_recipe.run_guide(
            version,
            home=home,
            endpoint=bed.standin.hub_url,
            port=port,
            ca_file=bed.standin.ca_file,
        )
        assert result.ok, result.err
        assert sha256(guide_recipe.downloaded(home)) == digest
        assert "peer task done, cost: " in node.log_text()
    sent = bed.standin.bytes_of(digest)
    assert 3 * MIB <= sent <= 3 * MIB * 1.01


def test_a_registry_that_the_header_names_is_trusted_as_the_guide_says(bed: Bed) -> None:
    name = bed.fresh("plain")
    bed.standin.call("post", "plain", name=name, file="of another host")
    named = {"X-Dragonfly-Registry": bed.standin.web_url}
    got = fetch(f"{bed.endpoint}/plain/{name}", headers=named)
    assert (got.status, got.body) == (200, b"of another host")


def test_without_insecure_the_certificate_is_verified(bed: Bed) -> None:
    changes = _node(bed.standin)
    changes["proxy"]["registryMirror"]["insecure"] = False
    node = bed.another_node(**changes)
    named = {"X-Dragonfly-Registry": bed.standin.web_url}
    got = fetch(f"{node.proxy_url}/plain/x", headers=named)
    assert got.status == 502
