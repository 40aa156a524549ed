from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from dfcore.errors import ConfigError
from dfdaemon.proxy.config import ProxyConfig
from dfinfra.config import load

GUIDE = """
defaultFilter: 'Expires&Key-Pair-Id&Policy&Signature'
security:
  insecure: true
tcpListen:
  listen: 0.0.0.0
  port: 65001
registryMirror:
  dynamic: true
  url: https://cdn-lfs.huggingface.co
  insecure: true
  certs: []
  direct: false
  useProxies: true
proxies:
  - regx: repos.*
    useHTTPS: true
"""


def test_the_guides_keys_are_ours(tmp_path: Path) -> None:
    path = tmp_path / "proxy.yaml"
    path.write_text(GUIDE)
    config = load(ProxyConfig, path)
    assert config.filtered_params == ("Expires", "Key-Pair-Id", "Policy", "Signature")
    assert config.tcp_listen.listen == "0.0.0.0"
    assert config.registry_mirror.insecure
    assert config.proxies[0].use_https


def test_by_default_only_this_host_is_listened_to_and_nothing_is_unverified() -> None:
    config = ProxyConfig()
    assert (config.tcp_listen.listen, config.tcp_listen.port) == ("127.0.0.1", 65001)
    assert not config.registry_mirror.insecure


@pytest.mark.parametrize(
    ("tree", "named"),
    [
        ({"proxies": [{"regx": "("}]}, "regx"),
        ({"registryMirror": {"url": "cdn"}}, "registryMirror"),
        ({"security": {"insecure": False}}, "security"),
        ({"intercept": {"hosts": ["["]}}, "intercept"),
        ({"tcpListn": {}}, "tcpListen"),
    ],
)
def test_nonsense_is_one_line_that_names_the_key(
    tmp_path: Path, tree: dict[str, object], named: str
) -> None:
    path = tmp_path / "proxy.yaml"
    path.write_text(yaml.safe_dump(tree))
    with pytest.raises(ConfigError, match=named) as raised:
        load(ProxyConfig, path)
    assert "\n" not in str(raised.value)
