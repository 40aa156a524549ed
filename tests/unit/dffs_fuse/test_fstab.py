from __future__ import annotations

import pytest

from dfcore.errors import BadInput
from dffs.vfs.kernel.fstab import arguments_of_helper, fstab_line, systemd_unit


def test_the_helper_of_mount_calls_the_command() -> None:
    words = "rw,_netdev,x-systemd.automount,ro,nosuid,cache-size=100G,attr_cache=1d"
    assert arguments_of_helper(["redis://h/1", "/mnt/m", "-n", "-o", words]) == [
        "redis://h/1", "/mnt/m", "-d", "--read-only", "--no-suid", "--cache-size", "100G",
        "--attr-cache", "1d",
    ]  # fmt: skip


@pytest.mark.parametrize("arguments", [[], ["redis://h/1"], ["a", "b", "-o"]])
def test_the_helper_says_what_it_needs(arguments: list[str]) -> None:
    with pytest.raises(BadInput, match="need"):
        arguments_of_helper(arguments)


def test_blanks_do_not_break_a_line_of_fstab() -> None:
    line = fstab_line("sqlite:///var/a b.db", "/mnt/my models", ["ro"])
    assert line.split() == [
        "sqlite:///var/a\\040b.db", "/mnt/my\\040models", "dffs", "_netdev,nofail,ro", "0", "0",
    ]  # fmt: skip


def test_a_unit_quotes_what_systemd_would_expand() -> None:
    unit = systemd_unit("/usr/bin/dffs", "redis://h/1?x=%41", "/mnt/a b", ["--read-only"])
    assert 'ExecStart=/usr/bin/dffs mount redis://h/1?x=%%41 "/mnt/a b" --read-only\n' in unit
