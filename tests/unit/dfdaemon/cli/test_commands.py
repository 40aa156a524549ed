"""Command lines: what is refused, and how it is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dfcore.errors import BadInput
from dfdaemon.cli import dfctl, dfget
from dfdaemon.cli.daemon import find_socket
from dfdaemon.cli.tables import Column, show_rows
from dfinfra.authority import host_identity, load_ca
from dfinfra.command import entry


def run(*args: str) -> Result:
    return CliRunner().invoke(dfctl.command, args)


def end(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *args: str) -> str:
    """The last words of a dfget that must refuse its input."""
    monkeypatch.setattr("sys.argv", ["dfget", *args])
    assert entry(dfget.command, "dfget")() == 2
    error = capsys.readouterr().err
    assert error.startswith("dfget: ")
    assert error.count("\n") == 1
    return error


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ([], "Missing argument 'URL'"),
        (["http://h/x", "--nope"], "--nope"),
        (["http://h/x", "--digest", "sha256:12"], "sha256"),
        (["http://h/x", "--timeout", "soon"], "not a duration"),
        (["http://h/x", "--piece-length", "5MiB"], "power of two"),
        (["http://h/x", "--priority", "7"], "0<=x<=6"),
        (["http://h/x", "-r"], "--recursive"),
        (["ftp://h/x"], "must begin with"),
        (["hf://"], "hf://"),
        (["hf://o/r", "--hf-endpoint", "nowhere"], "--hf-endpoint"),
        (["s3://bucket"], "--recursive"),
        (["hf://o/r", "-H", "A: b"], "--header"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    args: list[str],
    words: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert words in end(capsys, monkeypatch, *args)


def test_a_bad_header_does_not_show_its_value(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = end(capsys, monkeypatch, "http://h/x", "-H", "Authorization Bearer_geheim")
    assert "geheim" not in said


def test_headers_of_the_environment_stand_on_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(dfget, "run_async", lambda _: dfget.Summary(1, 1, 0))
    monkeypatch.setattr(dfget, "get", seen.append)
    env = {"DFGET_HEADER": "A: one two\nB: 2", "HF_TOKEN": "hf_x", "DFGET_TAG": "t"}
    result = CliRunner().invoke(dfget.command, ["http://h/x"], env=env)
    assert result.exit_code == 0
    options = seen[0]
    assert dict(options.headers) == {"A": "one two", "B": "2"}
    assert (options.hf_token, options.tag, options.timeout_s) == ("hf_x", "t", 7200.0)
    assert "hf_x" not in repr(options)


def test_help_shows_no_token_on_a_command_line() -> None:
    text = CliRunner().invoke(dfget.command, ["--help"]).output
    assert "--hf-token hf_" not in text
    assert "HF_TOKEN" in text


def test_a_socket_is_named_as_dragonfly_names_it() -> None:
    assert find_socket(Path("unix:///run/d.sock")) == Path("/run/d.sock")
    assert find_socket(Path("/run/d.sock")) == Path("/run/d.sock")
    with pytest.raises(BadInput, match="too long"):
        find_socket(Path("/" + "x" * 120))


def test_a_host_certificate_is_what_a_node_takes(tmp_path: Path) -> None:
    assert run("ca", "create", str(tmp_path / "ca")).exit_code == 0
    before = load_ca(tmp_path / "ca/ca.crt", tmp_path / "ca/ca.key").pem
    assert "was there" in run("ca", "create", str(tmp_path / "ca")).output
    host = tmp_path / "host"
    issued = run(
        "ca", "issue", str(tmp_path / "ca"), "--out", str(host), "--name", "n1", "--ip", "::1"
    )
    assert issued.exit_code == 0
    assert host_identity(host) is not None
    assert (host / "ca.crt").read_bytes() == before
    assert (host / "host.key").stat().st_mode & 0o777 == 0o600
    assert not (host / "ca.key").exists()


def test_the_authority_and_a_host_are_kept_apart(tmp_path: Path) -> None:
    run("ca", "create", str(tmp_path))
    issued = run("ca", "issue", str(tmp_path), "--out", str(tmp_path), "--name", "n")
    assert isinstance(issued.exception, BadInput)
    issued = run("ca", "issue", str(tmp_path), "--out", "x", "--name", "n", "--ip", "1.2.3")
    assert "--ip" in str(issued.exception)


def test_the_proxys_authority_is_exported(tmp_path: Path) -> None:
    run("ca", "create", str(tmp_path))
    pem = (tmp_path / "ca.crt").read_text()
    assert run("ca", "export", "--dir", str(tmp_path)).output == pem
    run("ca", "export", "--dir", str(tmp_path), "-O", str(tmp_path / "out.pem"))
    assert (tmp_path / "out.pem").read_text() == pem
    assert "first start" in str(run("ca", "export", "--dir", "/nowhere").exception)


def test_explain_speaks_json() -> None:
    told = run("explain", "http://example.com/x", "--json")
    assert json.loads(told.output)["swarm"] is False


def test_a_row_cannot_move_the_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows(
        [{"a": "x\x1b[2J[red]", "b": None}], [Column("A", "a"), Column("B", "b")], as_json=False
    )
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "[red]" in out
