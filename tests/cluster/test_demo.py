"""`make demo` and `make run` as a user sees them: what they print, how they end, what they leave."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.clients import packages
from tests.clients.run import missing, run_cli
from tests.conftest import SwarmMaker
from tests.standin.process import REPOSITORY, StandInProcess
from tests.swarm.ports import free_port

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.clients,
    pytest.mark.skipif(missing(), reason="clients not installed: make clients"),
]

TIMEOUT_S = 120.0
OK_LINE = re.compile(r"demo: ok nodes=2 origin_ratio=1\.0[01] sha256=ok seconds=\d+\.\d")


@contextmanager
def running(module: str, *arguments: str, output: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A program of ``demo`` as its own process group, whose end is seen to."""
    command = [sys.executable, "-m", module, *arguments]
    with output.open("wb") as file:
        process = subprocess.Popen(
            command,
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_for(what: Callable[[], bool], output: Path) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not what():
        assert time.monotonic() < deadline, output.read_text()[-4000:]
        time.sleep(0.05)


def descendants(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def assert_gone(processes: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(processes, timeout=60)
    assert not [process.cmdline() for process in alive]


@pytest.fixture
def model() -> None:
    if not packages.model_folder().exists():
        pytest.skip("the packaged model is not installed: make clients")


@pytest.mark.usefixtures("model")
def test_the_demo_ends_with_its_line(tmp_path: Path) -> None:
    output = tmp_path / "out.txt"
    with running("demo", "--size", "24MiB", "--nodes", "2", output=output) as demo:
        assert demo.wait(TIMEOUT_S) == 0, output.read_text()[-4000:]
    assert OK_LINE.fullmatch(output.read_text().splitlines()[-1])


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["ctrl-c", "kill"])
def test_an_interrupted_demo_leaves_no_process(number: signal.Signals, tmp_path: Path) -> None:
    output = tmp_path / "out.txt"
    with running("demo", "--size", "25MiB", "--nodes", "2", output=output) as demo:
        wait_for(lambda: "all at once" in output.read_text(), output)
        started = descendants(demo)
        os.kill(demo.pid, number)
        code = demo.wait(TIMEOUT_S)
    assert len(started) >= 5
    assert_gone(started)
    assert code == (130 if number is signal.SIGINT else -number)
    assert "Traceback" not in output.read_text()


def test_a_size_that_is_none_is_refused_in_one_line(tmp_path: Path) -> None:
    output = tmp_path / "out.txt"
    with running("demo", "--size", "big", output=output) as demo:
        assert demo.wait(TIMEOUT_S) == 2
    assert len(output.read_text().splitlines()) == 1


def test_run_says_what_to_type_and_serves_it(standin: StandInProcess, tmp_path: Path) -> None:
    standin.create("sentence-transformers/all-MiniLM-L6-v2", {"config.json": "{}"})
    output, port = tmp_path / "out.txt", free_port()
    arguments = ["--hub", standin.hub_url, "--state", str(tmp_path / "state"), "--port", str(port)]
    with running("demo.foreground", *arguments, output=output) as run:
        wait_for(lambda: "ready;" in output.read_text(), output)
        typed = re.search(r"HF_ENDPOINT=(\S+) hf (.+?)  ", output.read_text())
        assert typed is not None and typed[1] == f"http://127.0.0.1:{port}"
        client = run_cli("2.4.0", *typed[2].split(), home=tmp_path / "home", endpoint=typed[1])
        assert client.ok, client.err
        started = descendants(run)
        run.send_signal(signal.SIGINT)
        assert run.wait(TIMEOUT_S) == 0
    assert_gone(started)
    assert "peer task done" in (tmp_path / "state" / "log" / "daemon" / "core.log").read_text()


def test_run_tells_in_one_line_that_its_port_is_taken(
    start_swarm: SwarmMaker, tmp_path: Path
) -> None:
    taken = start_swarm(nodes=1, seeds=0).nodes[0].proxy_url.rpartition(":")[2]
    output = tmp_path / "out.txt"
    arguments = ["--state", str(tmp_path / "state"), "--port", taken]
    with running("demo.foreground", *arguments, output=output) as run:
        assert run.wait(TIMEOUT_S) == 2
    (line,) = output.read_text().splitlines()
    assert line.startswith("run: ") and taken in line
