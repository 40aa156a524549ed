"""What cannot start says why in one line and exits with 2; what is told to stop stops in time."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.bed import MIB, Bed
from tests.swarm.daemon import REPOSITORY
from tests.swarm.plan import ADDRESS, HostPorts, host_config, laid_over
from tests.swarm.ports import free_port

pytestmark = pytest.mark.cluster

HOSTS = ("dfdaemon", "seedpeer")
ALL = (*HOSTS, "scheduler")


def config_of(module: str, folder: Path) -> dict[str, Any]:
    if module == "scheduler":
        return {
            "server": {"listenIP": ADDRESS, "port": free_port(), "logDir": str(folder / "log")},
            "admin": {"port": free_port()},
        }
    made = host_config(
        "host",
        folder,
        HostPorts.free(),
        schedulers=(),
        hub="http://127.0.0.1:9",
        security=None,
    )
    return made | {"log": {"dir": str(folder / "log")}}


def run(module: str, folder: Path, config: dict[str, Any] | str, *flags: str) -> str:
    """Start it; it must end at once, with 2 and one line, which is returned."""
    file = folder / "config.yaml"
    file.write_text(config if isinstance(config, str) else yaml.safe_dump(config))
    ended = subprocess.run(
        [sys.executable, "-m", module, "--config", str(file), *flags],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 2, (ended.returncode, ended.stderr)
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"{module}: "), line
    assert ended.stdout == ""
    return line


@pytest.mark.parametrize("module", ALL)
def test_bad_configuration_is_named_by_key_value_and_what_is_allowed(
    module: str, tmp_path: Path
) -> None:
    good = config_of(module, tmp_path)
    line = run(module, tmp_path, good | {"amdin": {}})
    assert "amdin" in line
    assert "'admin'" in line
    line = run(module, tmp_path, laid_over(good, {"admin": {"port": "many"}}))
    assert "admin.port" in line
    assert "many" in line
    assert "a whole number" in line
    line = run(module, tmp_path, laid_over(good, {"admin": {"port": 70000}}))
    assert "70000" in line
    assert "0 to 65535" in line
    assert "config.yaml" in run(module, tmp_path, "admin: [")
    assert not (tmp_path / "log" / "core.log").exists(), "something was started"


@pytest.mark.parametrize("module", ALL)
def test_bad_flags_and_a_missing_file_are_named(module: str, tmp_path: Path) -> None:
    good = config_of(module, tmp_path)
    assert "--nonsense" in run(module, tmp_path, good, "--nonsense")
    assert "none.yaml" in run(module, tmp_path, good, "--config", str(tmp_path / "none.yaml"))


@contextmanager
def occupied(port: int) -> Iterator[None]:
    with socket.socket() as sock:
        sock.bind((ADDRESS, port))
        sock.listen()
        yield


@pytest.mark.parametrize(
    ("module", "section", "key"),
    [
        ("scheduler", "server", "port"),
        ("scheduler", "admin", "port"),
        ("dfdaemon", "upload", "port"),
        ("dfdaemon", "upload", "rpcPort"),
        ("dfdaemon", "proxy.tcpListen", "port"),
        ("dfdaemon", "admin", "port"),
        ("seedpeer", "upload", "port"),
        ("seedpeer", "upload", "rpcPort"),
    ],
)
def test_an_occupied_port_is_named(module: str, section: str, key: str, tmp_path: Path) -> None:
    config: Any = config_of(module, tmp_path)
    place = config
    for name in section.split("."):
        place = place[name]
    with occupied(place[key]):
        line = run(module, tmp_path, config)
    assert str(place[key]) in line
    assert "in use" in line


@pytest.mark.parametrize(
    ("module", "change", "key"),
    [
        ("scheduler", {"server": {"logDir": "/proc/none/log"}}, "/proc/none"),
        ("dfdaemon", {"storage": {"dir": "/proc/none/blobs"}}, "/proc/none"),
        ("dfdaemon", {"log": {"dir": "/proc/none/log"}}, "/proc/none"),
        ("dfdaemon", {"security": {"dir": "/proc/none/tls"}}, "/proc/none"),
        ("seedpeer", {"storage": {"dir": "/proc/none/blobs"}}, "/proc/none"),
        ("dfdaemon", {"download": {"socketPath": "/proc/none/x.sock"}}, "/proc/none"),
    ],
)
def test_a_folder_that_cannot_be_written_is_named(
    module: str, change: dict[str, Any], key: str, tmp_path: Path
) -> None:
    line = run(module, tmp_path, laid_over(config_of(module, tmp_path), change))
    assert key in line


def test_a_store_that_another_daemon_has_open_is_left_alone(
    make_bed: Callable[..., Bed], tmp_path: Path
) -> None:
    bed = make_bed(nodes=1, seeds=0, schedulers=0)
    store = {"storage": {"dir": str(bed.swarm.nodes[0].store)}}
    (tmp_path / "second").mkdir()
    line = run("dfdaemon", tmp_path, laid_over(config_of("dfdaemon", tmp_path / "second"), store))
    assert str(bed.swarm.nodes[0].store) in line
    assert bed.swarm.nodes[0].running


def test_sigterm_ends_every_daemon_in_time_in_the_middle_of_a_download(
    make_bed: Callable[..., Bed],
) -> None:
    brief = {"stopGrace": 6, "proxy": {"stopGrace": 1}}
    slow = {"download": {"originRateLimit": "4MiB"}, "stopGrace": 3}
    bed = make_bed(nodes=2, node=brief, seed=slow)
    blob = bed.blob(64 * MIB)
    bed.throttle(blob, 2 * MIB)
    readers = bed.read_all(blob)
    readers[0].wait_for(2 * MIB)
    for daemon in (bed.swarm.nodes[0], bed.swarm.seed, bed.swarm.scheduler, bed.swarm.nodes[1]):
        began = time.monotonic()
        daemon.ask_to_stop()
        assert daemon.wait(10) == 0, daemon.tail()
        assert time.monotonic() - began < 7, daemon.name
        assert "Traceback" not in daemon.output_text() + daemon.log_text()
    for reader in readers:
        assert reader.result().cut
    for daemon in (bed.swarm.scheduler, bed.swarm.seed, *bed.swarm.nodes):
        daemon.restart()
    bed.standin.reset()
    part = bed.read(bed.swarm.nodes[0], blob, headers={"Range": "bytes=0-1048575"}).result()
    assert (part.status, part.size_bytes) == (206, MIB)
    assert bed.origin_bytes(blob) == 0
