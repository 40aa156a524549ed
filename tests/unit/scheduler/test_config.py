"""The configuration file and the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from dfcore.errors import ConfigError
from dfinfra import config as settings
from scheduler import __main__ as cli
from scheduler.config import SchedulerConfig


def load(text: str, folder: Path) -> SchedulerConfig:
    path = folder / "scheduler.yaml"
    path.write_text(text)
    return settings.load(SchedulerConfig, path)


def test_defaults_need_no_file() -> None:
    config = settings.load(SchedulerConfig, None)
    assert (config.server.listen_ip, config.server.port) == ("0.0.0.0", 8002)
    assert (config.admin.ip, config.admin.port) == ("127.0.0.1", 8003)
    assert config.policy.origin.max_hosts_per_task == 1


def test_the_guides_keys_are_taken(tmp_path: Path) -> None:
    config = load("verbose: true\npprofPort: 18066\nmetrics:\n  enable: true\n", tmp_path)
    assert (config.verbose, config.pprof_port, config.metrics.enable) == (True, 18066, True)


def test_policies_have_camel_case_keys_and_units(tmp_path: Path) -> None:
    text = "origin:\n  maxHostsPerTask: 3\n  idle: 2m\ngc:\n  streamGrace: 500ms\n"
    policy = load(text, tmp_path).policy
    assert (policy.origin.max_hosts_per_task, policy.origin.idle_s) == (3, 120.0)
    assert policy.lease.stream_grace_s == 0.5


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("sever: {}", "nearest is 'server'"),
        ("server: {port: 80000}", "server.port"),
        ("swarm: {minDegree: 99}", "swarm: minDegree 99"),
        ("origin: {maxHostsPerTask: 0}", "origin: maxHostsPerTask 0"),
        ("pprofPort: -2", "pprofPort"),
    ],
)
def test_mistakes_are_named(text: str, named: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=named):
        load(text, tmp_path)


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (["--no-such-flag"], "--no-such-flag"),
        (["--config", "/no/such/file"], "/no/such/file"),
        (["--set", "nonsense"], "--set nonsense: must be KEY=VALUE"),
        (["--port", "99999"], "server.port"),
        (["--log-dir", "/proc/no"], "server.logDir: cannot write to /proc/no"),
    ],
)
def test_mistakes_on_the_command_line_are_one_line_and_exit_2(
    flags: list[str],
    named: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.argv", ["scheduler", *flags])
    assert cli.main() == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("scheduler: ")
    assert named in line
