from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from blobstore import DiskConfig, StoreConfig
from dfcore.errors import ConfigError
from dfinfra import config


def test_a_store_is_configured_in_yaml(tmp_path: Path) -> None:
    file = tmp_path / "store.yaml"
    file.write_text(
        "disks:\n- {path: /data/a, sizeLimit: 10GiB, weight: 2}\n- {path: /data/b}\nmaxAge: 48h\n"
    )
    loaded = config.load(StoreConfig, file)
    assert loaded.disks == (
        DiskConfig(Path("/data/a"), weight=2, size_limit_bytes=10 << 30),
        DiskConfig(Path("/data/b")),
    )
    assert loaded.max_age_s == 48 * 3600


@pytest.mark.parametrize(
    "settings",
    [{"weight": 0}, {"free_ratio": 1}, {"free_ratio": -0.1}, {"size_limit_bytes": 0}],
)
def test_impossible_disks_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(settings))):
        DiskConfig(Path("/x"), **settings)


@pytest.mark.parametrize("settings", [{"low_water_ratio": 0}, {"max_age_s": 0}])
def test_impossible_stores_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(settings))):
        StoreConfig((DiskConfig(Path("/x")),), **settings)


def test_a_store_needs_different_disks() -> None:
    with pytest.raises(ValueError, match="at least one"):
        StoreConfig(())
    with pytest.raises(ValueError, match="different"):
        StoreConfig((DiskConfig(Path("/x")), DiskConfig(Path("/x"))))


def test_a_mistake_names_its_key(tmp_path: Path) -> None:
    file = tmp_path / "store.yaml"
    file.write_text("disks:\n- path: /data/a\n  weigth: 2\n")
    with pytest.raises(ConfigError, match="weight"):
        config.load(StoreConfig, file)
