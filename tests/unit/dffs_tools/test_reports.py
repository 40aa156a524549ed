"""What doctor, stats and profile make of what they learn."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dfcore.errors import ConfigError, NotFound
from dffs.cli.profile import Who, tally
from dffs.cli.stats import HEAD, line, parse
from dffs.control import places
from dffs.doctor.gather import faults_of, kernel_version
from dffs.doctor.judge import Facts, Faults, FileFacts, Level, judge
from dffs.named import meta_url_of


def _slow(facts: Facts) -> set[str]:
    return {one.subject for one in judge(facts) if one.level in (Level.SLOW, Level.BAD)}


def test_a_mount_without_faults_is_not_blamed() -> None:
    facts = Facts(
        kernel=(6, 18),
        is_root_mount=True,
        read_ahead_kib=1024,
        engine_ms=0.3,
        object_ms=3.0,
        cache_dirs=("/nvme",),
        cache_free_ratio=0.5,
        daemon=True,
        files=(FileFacts("a", 10, 10),),
    )
    assert _slow(facts) == set()
    assert {one.level for one in judge(facts)} == {Level.GOOD}


@pytest.mark.parametrize(
    ("facts", "subject"),
    [
        (Facts(kernel=(6, 1)), "passthrough"),
        (Facts(kernel=(6, 18), is_root_mount=False), "passthrough"),
        (Facts(kernel=(6, 18), passthrough_wanted=False), "passthrough"),
        (Facts(read_ahead_kib=128), "readahead"),
        (Facts(engine_ms=8.0), "metadata"),
        (Facts(engine_ms=80.0), "metadata"),
        (Facts(object_ms=300.0), "object store"),
        (Facts(cache_dirs=()), "cache"),
        (Facts(cache_free_ratio=0.01), "cache"),
        (Facts(cache_on_network=True), "cache"),
        (Facts(files=(FileFacts("a", 10, 4),)), "cold blocks"),
        (Facts(faults=Faults(1, 5000.0, 1e6)), "page faults"),
    ],
)
def test_what_makes_a_mount_slow_is_named_with_a_remedy(facts: Facts, subject: str) -> None:
    assert _slow(facts) == {subject}
    found = judge(facts)[0]
    assert found.remedy or "switched off" in found.what


def test_what_is_not_known_is_judged_by_nobody() -> None:
    assert judge(Facts()) == []


def test_kernels_and_faults_are_read() -> None:
    assert kernel_version("6.18.44-cloud") == (6, 18)
    assert kernel_version("strange") is None
    assert faults_of(os.getpid(), 0.01).pid == os.getpid()


def test_a_line_of_stats_tells_rates() -> None:
    before = parse("fuse_requests_total 10\nfuse_read_bytes_total 0\ncpu_seconds_total 1.0\n")
    now = parse("fuse_requests_total 30\nfuse_read_bytes_total 2097152\ncpu_seconds_total 2.0\n")
    told = line(before, now, 2.0)
    assert "50%" in told
    assert "1MiB" in told
    assert len(told) <= len(HEAD.splitlines()[1]) + 8


def test_a_profile_adds_up_what_counts() -> None:
    log = [
        "2026.11.24 10:26:11.003330 [uid:0,gid:0,pid:1] write (1,2,3): OK <0.000010>\n",
        "2026.11.24 10:26:12.003330 [uid:5,gid:0,pid:2] write (1,2,3): OK [8] <0.030000>\n",
        "2026.11.24 10:26:13.003330 [uid:5,gid:0,pid:2] read (1,2,3): No such file <0.001000>\n",
        "#\n",
    ]
    found = tally(log, Who())
    assert [row[:2] for row in found.rows()] == [("write", 2), ("read", 1)]
    assert (found.first, found.last) == ("10:26:11", "10:26:13")
    assert tally(log, Who(uid=5, besides=2)).rows() == []
    assert tally(log, Who(uid=5)).counts == {"write": 1, "read": 1}


def test_volumes_have_names(tmp_path: Path) -> None:
    file = tmp_path / "volumes.yaml"
    file.write_text("models: redis://host/1\n")
    environ = {"MEGANEURA_VOLUMES": str(file)}
    assert meta_url_of("models", environ) == "redis://host/1"
    assert meta_url_of("my-vol", {"MEGANEURA_VOLUME_MY_VOL": "sqlite:///x"}) == "sqlite:///x"
    with pytest.raises(NotFound, match="MEGANEURA_VOLUME_OTHER"):
        meta_url_of("other", environ)
    file.write_text("- a\n")
    with pytest.raises(ConfigError, match="metadata URL"):
        meta_url_of("models", environ)


def test_a_socket_that_others_may_have_made_is_not_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "runtime_dir", lambda uid: tmp_path / "run")
    (tmp_path / "run").mkdir(mode=0o755)
    me = os.geteuid()
    made = places.socket_path(Path("/mnt/a"), 1, me)
    made.touch()
    assert places.sockets_of(Path("/mnt/a"), me) == [made]
    assert places.sockets_of(Path("/mnt/a"), me + 1) == []
    assert places.sockets_of(Path("/mnt/b"), me) == []
    (tmp_path / "run").chmod(0o777)
    assert places.sockets_of(Path("/mnt/a"), me) == []
