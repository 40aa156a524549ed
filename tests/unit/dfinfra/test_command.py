"""The frame of every command: what the user sees, and the exit code."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from dfcore.errors import BadInput, NotFound
from dfinfra.command import DURATION, entry, overrides, service_options


def ended(
    monkeypatch: pytest.MonkeyPatch, command: click.Command, *words: str, files: bool = False
) -> int:
    monkeypatch.setattr("sys.argv", ["prog", *words])
    return entry(command, "prog", files_are_named=files)()


def raising(error: BaseException) -> click.Command:
    @click.command()
    def command() -> None:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (BadInput("no such thing\nas that"), 2, "prog: no such thing as that\n"),
        (NotFound("it is gone"), NotFound("").exit_code, "prog: it is gone\n"),
        (click.UsageError("which one?"), 2, "prog: which one?\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_errors_are_one_line_and_a_code(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
    line: str,
) -> None:
    assert ended(monkeypatch, raising(error)) == code
    assert capsys.readouterr().err.strip("\n") == line.strip("\n")


def test_a_file_that_the_user_named_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = FileNotFoundError(2, "No such file or directory", "/models/x")
    assert ended(monkeypatch, raising(gone), files=True) == 1
    assert capsys.readouterr().err == "prog: /models/x: No such file or directory\n"
    assert ended(monkeypatch, raising(gone)) == 1
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("returned", [None, 0, 3])
def test_what_a_command_returns_is_the_code(
    monkeypatch: pytest.MonkeyPatch, returned: int | None
) -> None:
    @click.command()
    def command() -> int | None:
        return returned

    assert ended(monkeypatch, command) == (returned or 0)


@click.command()
@service_options("server.port=1")
@click.option("--wait", type=DURATION)
def service(
    path: Path | None, values: dict[str, str], ready_file: Path | None, wait: float
) -> None:
    click.echo(repr((path, values, ready_file, wait)))


def test_services_share_their_options(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--config", "a.yaml", "--set", "a.b=1", "--set", "c=d=e", "--ready-file", "r")
    assert ended(monkeypatch, service, *words, "--wait", "2m") == 0
    shown = (Path("a.yaml"), {"a.b": "1", "c": "d=e"}, Path("r"), 120.0)
    assert capsys.readouterr().out == f"{shown!r}\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--set", "nonsense"), "--set nonsense: must be KEY=VALUE"),
        (("--set", "=x"), "--set =x: must be KEY=VALUE"),
        (("--wait", "long"), "long"),
        (("--cofnig", "x"), "--cofnig"),
    ],
)
def test_a_bad_flag_is_one_line_that_names_it(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    said: str,
) -> None:
    assert ended(monkeypatch, service, *words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("prog: ")
    assert said in line


def test_overrides_keep_the_last_word() -> None:
    assert overrides(["a=1", "a=2", "b="]) == {"a": "2", "b": ""}


def test_a_group_without_a_command_tells_its_commands(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    group = click.Group("prog", {"work": raising(BadInput("no"))})
    assert ended(monkeypatch, group) == 2
    said = capsys.readouterr()
    assert "Commands:\n  work" in said.err + said.out
