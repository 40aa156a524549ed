"""Real processes: signals, order, deadline, crash, occupied port, exit codes."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


class Process:
    """A process of ``process.py`` and what it says."""

    def __init__(self, popen: subprocess.Popen[str]) -> None:
        self._popen = popen
        assert popen.stdout is not None
        self._out = popen.stdout

    def line(self) -> str:
        return self._out.readline().strip()

    def lines_until(self, last: str) -> list[str]:
        lines: list[str] = []
        while not lines or lines[-1] not in (last, ""):
            lines.append(self.line())
        assert lines[-1] == last, self._popen.communicate()[1]
        return lines

    def signal(self, number: signal.Signals) -> None:
        self._popen.send_signal(number)

    def end(self) -> tuple[int, list[str], str]:
        """Exit code, further lines, stderr."""
        out, err = self._popen.communicate(timeout=60)
        return self._popen.returncode, out.split("\n")[:-1], err


@contextmanager
def process(*arguments: str) -> Iterator[Process]:
    popen = subprocess.Popen(
        [sys.executable, "-m", "tests.component.dfinfra.process", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with popen:
        try:
            yield Process(popen)
        finally:
            popen.kill()


@contextmanager
def occupied_port() -> Iterator[int]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        yield sock.getsockname()[1]


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_in_reverse_order(loop: str, number: signal.Signals) -> None:
    with process(loop) as p:
        assert p.lines_until("ready") == ["start a", "start b", "ready"]
        p.signal(number)
        assert p.end() == (0, ["stop b", "stop a"], "")


def test_a_part_that_hangs_is_cut_off_at_the_deadline() -> None:
    with process("hang") as p:
        p.lines_until("ready")
        p.signal(signal.SIGTERM)
        code, lines, _ = p.end()
        assert (code, lines) == (1, ["stop b", "stop h", "stop a"])


def test_a_second_signal_cuts_the_stop_short() -> None:
    with process("hang", "long") as p:
        p.lines_until("ready")
        p.signal(signal.SIGTERM)
        p.lines_until("stop h")
        p.signal(signal.SIGTERM)
        code, lines, _ = p.end()
        assert (code, lines) == (1, ["stop a"])


def test_a_signal_while_a_part_starts_stops_what_is_up() -> None:
    with process("slow-start") as p:
        p.lines_until("start s")
        p.signal(signal.SIGTERM)
        assert p.end() == (0, ["stop a"], "")


def test_a_crashed_vital_job_ends_the_process() -> None:
    with process("crash") as p:
        code, lines, err = p.end()
    assert code == 1
    assert lines[-3:] == ["stop c", "stop b", "stop a"]
    assert "engine lost" in err
    assert "AbCdEfGhIj" not in err


@pytest.mark.parametrize("kind", ["http", "grpc"])
def test_an_occupied_port_is_one_line_and_exit_code_2(kind: str) -> None:
    with occupied_port() as port, process(kind, str(port)) as p:
        code, lines, err = p.end()
    assert code == 2
    assert lines == ["start a", "stop a"]
    assert err.startswith(f"thing: cannot listen on 127.0.0.1:{port}: ")
    assert "in use" in err
    assert err.count("\n") == 1


def test_a_bad_configuration_is_one_line_and_exit_code_2() -> None:
    with process("bad-config") as p:
        assert p.end() == (2, [], "thing: proxy.prot: unknown key, nearest is 'port'\n")


def test_a_bug_is_told_with_its_traceback_and_without_secrets() -> None:
    with process("bug") as p:
        code, _, err = p.end()
    assert code == 1
    assert "Traceback" in err
    assert err.endswith("thing: RuntimeError: oh, token=***\n")
    assert "abcdefghijkl" not in err


def test_the_ready_file_is_there_while_the_process_is_up(tmp_path: Path) -> None:
    path = tmp_path / "ready"
    with process("ready-file", str(path)) as p:
        p.lines_until("ready")
        assert path.exists()
        p.signal(signal.SIGTERM)
        assert p.end()[0] == 0
    assert not path.exists()
