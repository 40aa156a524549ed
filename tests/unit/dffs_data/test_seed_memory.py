"""Which volume is the seed's memory."""

from __future__ import annotations

import pytest

from dfcore.errors import NotFound
from seedpeer.__main__ import memory_of
from seedpeer.config import ObjectStoreConfig, SeedConfig

URL = "redis://:secret@redis.test/1"


def config(volume: str | None) -> SeedConfig:
    return SeedConfig(object_store=ObjectStoreConfig(volume=volume))


def test_it_may_be_named_so_that_no_password_is_in_the_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MEGANEURA_VOLUME_MODELS", URL)
    by_name, by_url = memory_of(config("dffs://models")), memory_of(config(URL))
    assert by_name is not None and by_url is not None
    assert vars(by_name)["_meta_url"] == vars(by_url)["_meta_url"] == URL
    assert memory_of(config(None)) is None


def test_a_name_that_nobody_knows_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEGANEURA_VOLUMES", "/dev/null")
    with pytest.raises(NotFound, match="'unheard'"):
        memory_of(config("dffs://unheard"))
