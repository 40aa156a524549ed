"""Configuration errors are one line that names the key, the value and what is allowed."""

from __future__ import annotations

import enum
from dataclasses import FrozenInstanceError, dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from dfcore.errors import ConfigError
from dfinfra.config import Bytes, Port, Seconds, load


class Mode(enum.Enum):
    PLAIN = "plain"
    MIRROR = "mirror"


@dataclass(frozen=True)
class Listen:
    listen: str = "127.0.0.1"
    port: Port = 65001


@dataclass(frozen=True)
class Rule:
    regx: str
    use_https: bool = field(default=False, metadata={"key": "useHTTPS"})


@dataclass(frozen=True)
class Sample:
    tcp_listen: Listen = Listen()
    rules: tuple[Rule, ...] = ()
    announce_interval_s: float = 30.0
    timeout: Seconds = 1.0
    size: Bytes = 4 << 20
    limit_bytes: int | None = None
    labels: dict[str, str] = field(default_factory=dict)
    mode: Mode = Mode.PLAIN
    kind: Literal["x", "y"] = "x"
    folder: Path | None = None
    name: str = ""
    password: str = ""

    def __post_init__(self) -> None:
        if self.size > 1 << 30:
            raise ValueError("size: must be at most 1GiB")


def read(tmp_path: Path, text: str, overrides: dict[str, str] | None = None) -> Sample:
    path = tmp_path / "sample.yaml"
    path.write_text(text)
    return load(Sample, path, overrides)


def refusal(tmp_path: Path, text: str, overrides: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text, overrides)
    line = str(caught.value)
    assert "\n" not in line
    return line.removeprefix(f"{tmp_path}/sample.yaml")


@pytest.mark.parametrize("text", ["", "tcpListen:\n", "# nothing\n"])
def test_nothing_written_means_defaults(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) == Sample()


def test_no_file_means_defaults() -> None:
    assert load(Sample, None) == Sample()


def test_everything_can_be_written(tmp_path: Path) -> None:
    loaded = read(
        tmp_path,
        """
        tcpListen: {port: 80}
        rules:
          - regx: blobs/
            useHTTPS: true
        announceInterval: 1m30s
        timeout: 500ms
        size: 8MiB
        limit: 1GiB
        labels: {zone: 1}
        mode: mirror
        kind: y
        folder: /data
        name: 1234
        """,
    )
    assert loaded == Sample(
        tcp_listen=Listen(port=80),
        rules=(Rule("blobs/", use_https=True),),
        announce_interval_s=90.0,
        timeout=0.5,
        size=8 << 20,
        limit_bytes=1 << 30,
        labels={"zone": "1"},
        mode=Mode.MIRROR,
        kind="y",
        folder=Path("/data"),
        name="1234",
    )


def test_loaded_configuration_is_frozen(tmp_path: Path) -> None:
    with pytest.raises(FrozenInstanceError):
        read(tmp_path, "").name = "x"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("tcpListen: {prot: 1}", ": tcpListen.prot: unknown key, nearest is 'port'"),
        ("tcp_listen: {}", ": tcp_listen: unknown key, nearest is 'tcpListen'"),
        ("rules: [{regx: a, useHttps: yes}]", ": rules[0].useHttps: unknown key, nearest is "
         "'useHTTPS'"),
        ("tcpListen: {qqq: 1}", ": tcpListen.qqq: unknown key, allowed: listen, port"),
        ("tcpListen: {port: 70000}", ": tcpListen.port: 70000 is not allowed, must be a port, "
         "0 to 65535"),
        ("tcpListen: {port: many}", ": tcpListen.port: 'many' is not allowed, must be a whole "
         "number"),
        ("tcpListen: 5", ": tcpListen: 5 is not allowed, must be a mapping of keys to values"),
        ("size: lots", ": size: 'lots' is not allowed, must be a size such as 4MiB or a number "
         "of bytes"),
        ("announceInterval: -1", ": announceInterval: -1 is not allowed, must be a duration "
         "such as 30s or a number of seconds"),
        ("timeout: .inf", ": timeout: inf is not allowed, must be a duration such as 30s or a "
         "number of seconds"),
        ("mode: other", ": mode: 'other' is not allowed, must be one of plain, mirror"),
        ("kind: z", ": kind: 'z' is not allowed, must be one of x, y"),
        ("rules: {}", ": rules: {} is not allowed, must be a list"),
        ("rules: [{}]", ": rules[0].regx: missing, it has no default"),
        ("rules: [{regx: a, useHTTPS: 3}]", ": rules[0].useHTTPS: 3 is not allowed, must be "
         "true or false"),
        ("size: 2GiB", ": size: must be at most 1GiB"),
        ("size: 1\nsize: 2", ", line 2: key 'size' stands twice"),
        ("a: b: c", ", line 1: mapping values are not allowed here"),
        ("- 1", ": must be a mapping of keys to values"),
    ],
)  # fmt: skip
def test_mistakes_are_told_in_one_line(tmp_path: Path, text: str, line: str) -> None:
    assert refusal(tmp_path, text) == line


def test_a_secret_is_not_repeated(tmp_path: Path) -> None:
    assert "hunter2" not in refusal(tmp_path, "password: [hunter2]")


def test_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: No such file"):
        load(Sample, tmp_path / "none.yaml")


def test_flags_win_over_the_file(tmp_path: Path) -> None:
    loaded = read(
        tmp_path,
        "tcpListen: {port: 1, listen: '::'}",
        {"tcpListen.port": "2", "size": "5MiB", "name": "007", "folder": "12"},
    )
    assert loaded.tcp_listen == Listen("::", 2)
    assert (loaded.size, loaded.name, loaded.folder) == (5 << 20, "007", Path("12"))


def test_a_wrong_flag_is_told_like_a_wrong_key(tmp_path: Path) -> None:
    assert "tcpListen.prt: unknown key, nearest is 'port'" in refusal(
        tmp_path, "", {"tcpListen.prt": "5"}
    )
