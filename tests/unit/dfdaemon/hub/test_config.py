from __future__ import annotations

from pathlib import Path

import pytest

from dfcore.errors import ConfigError
from dfdaemon.hub.config import HubConfig
from dfinfra.config import load


def test_keys_are_read_with_their_units(tmp_path: Path) -> None:
    path = tmp_path / "hub.yaml"
    path.write_text("endpoint: http://hub.test:8080/\nrefTtl: 30s\nkeepXetAbove: 50GB\n")
    config = load(HubConfig, path)
    assert config.base == "http://hub.test:8080"
    assert config.authority == "hub.test:8080"
    assert config.ref_ttl_s == 30
    assert config.keep_xet_above_bytes == 50 * 10**9


@pytest.mark.parametrize("text", ["endpoint: huggingface.co", "listAfter: 0", "reftTl: 1s"])
def test_nonsense_is_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "hub.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as raised:
        load(HubConfig, path)
    assert "\n" not in str(raised.value)
