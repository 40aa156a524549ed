"""Lines are JSON, complete, and without secrets, also when an exception carries one."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dfcore.errors import ConfigError
from dfinfra import logs

TOKEN = "hf_AbCdEfGhIjKlMnOpQrStUvWxYz01234567"
SIGNED = "https://cdn.example/blob?Expires=1&Signature=abcdef0123456789&Key-Pair-Id=K1"


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Any]:
    root = logging.getLogger()
    level = root.level
    pipeline = logs.setup("dfdaemon", tmp_path, "info", console=False, rotate_size_bytes=20_000)

    def lines() -> list[dict[str, Any]]:
        pipeline.close()
        text = (tmp_path / "core.log").read_text()
        assert TOKEN not in text
        assert "abcdef0123456789" not in text
        return [json.loads(line) for line in text.splitlines()]

    yield lines
    pipeline.close()
    root.setLevel(level)
    logging.captureWarnings(False)


def test_a_line_has_its_keys_and_the_context(written: Any) -> None:
    with logs.bound(task="t1"):
        logs.get_logger("PeerTask").info("peer task done, cost: %dms", 5, bytes=7)
    (line,) = written()
    assert list(line)[:4] == ["ts", "level", "msg", "logger"]
    assert line["msg"] == "peer task done, cost: 5ms"
    assert (line["level"], line["logger"], line["service"]) == ("info", "PeerTask", "dfdaemon")
    assert (line["task"], line["bytes"]) == ("t1", 7)


def test_secrets_do_not_reach_the_file(written: Any) -> None:
    log = logs.get_logger("x")
    log.info("fetching %s", SIGNED, url=SIGNED, headers={"Authorization": f"Bearer {TOKEN}"})
    log.warning(f"refused {TOKEN}", cookie="abcdef0123456789")
    logging.getLogger("library").warning("GET %s with %s", SIGNED, TOKEN)
    assert len(written()) == 3


def test_secrets_in_exceptions_do_not_reach_the_file(written: Any) -> None:
    try:
        try:
            raise ValueError(f"no access with {TOKEN}")
        except ValueError as error:
            raise RuntimeError(f"cannot fetch {SIGNED}") from error
    except RuntimeError:
        logs.get_logger("x").exception("failed")
        logging.getLogger("library").exception("failed too")
    lines = written()
    assert [line["msg"] for line in lines] == ["failed", "failed too"]
    for line in lines:
        assert "RuntimeError: cannot fetch https://cdn.example/blob?***" in line["exception"]
        assert "ValueError: no access with hf_***" in line["exception"]


def test_lines_below_the_level_are_not_written(written: Any) -> None:
    logs.get_logger("x").debug("quiet")
    assert written() == []


def test_the_file_is_rotated(written: Any, tmp_path: Path) -> None:
    for i in range(400):
        logs.get_logger("x").info("a line", i=i)
    written()
    assert (tmp_path / "core.log.1").exists()
    assert (tmp_path / "core.log").stat().st_size <= 20_000


def test_what_cannot_be_set_up_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"log\.dir: cannot write to .*file/logs"):
        logs.setup("x", tmp_path / "file" / "logs")
    with pytest.raises(ConfigError, match=r"log\.level: 'loud' is not allowed: one of debug"):
        logs.setup("x", None, "loud")
