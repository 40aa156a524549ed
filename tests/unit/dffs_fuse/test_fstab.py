from __future__ import annotations

import pytest

from dfcore.errors import BadInput
from dffs.vfs.kernel.fstab import arguments_of_helper


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
