"""URLs of engines, and what a user reads when they are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from dfcore.errors import BadInput
from dffs.meta.kv import EngineDown, public_url
from dffs.meta.opening import open_engine


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("models.db", "no metadata engine"),
        ("mongodb://x", "no metadata engine"),
        ("sqlite:///tmp/x.db?synchronous=maybe", "off, normal, full, extra"),
        ("postgresql://127.0.0.1:1/x?table=a;b", "small letters"),
        ("mysql://127.0.0.1:1/x?sslca=1", "table and ssl_ca"),
    ],
)
def test_wrong_urls(url: str, said: str) -> None:
    with pytest.raises(BadInput, match=said) as caught:
        open_engine(url)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "redis://user:pass@127.0.0.1:1/0",
        "postgresql://user:pass@127.0.0.1:1/x",
        "mysql://user:pass@127.0.0.1:1/x",
        "sqlite:///no/such/folder/x.db",
    ],
)
def test_an_engine_that_is_not_there_is_one_line_without_secrets(url: str) -> None:
    with pytest.raises(EngineDown) as caught:
        open_engine(url)
    line = str(caught.value)
    assert "\n" not in line and "pass@" not in line
    assert url.rpartition("@")[2].partition("///")[2] in line


def test_public_urls() -> None:
    assert public_url("redis://:secret@h:1/2?password=x") == "redis://h:1/2"
    assert public_url("mysql://me:secret@h/db?table=t") == "mysql://me@h/db"


def test_sqlite_takes_paths_of_both_forms(tmp_path: Path) -> None:
    for number, url in enumerate((f"sqlite://{tmp_path}/0.db", f"sqlite:////{tmp_path}/1.db")):
        open_engine(url).close()
        assert (tmp_path / f"{number}.db").exists()
