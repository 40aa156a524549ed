"""The commands of a volume, as a user types them: what they do, what they say, what they hide."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from dfcore.errors import BadInput, Denied, MeganeuraError
from dffs.cli.main import command, main
from dffs.meta.types import ROOT_CALLER
from dffs.options import CacheOptions, VolumeOptions
from dffs.volume import Volume
from tests.component.dffs_data.test_files import content, noise, write
from tests.servers import shared

KEY, SECRET = "AKIASEENBYNOBODY", "hidden-from-everybody"


def run(*words: object, **env: str) -> str:
    """What a command prints. Errors are raised, as the console script tells them."""
    result = CliRunner().invoke(command, [str(word) for word in words], env=env or None)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def url(tmp_path: Path) -> str:
    made = f"sqlite:///{tmp_path}/meta.db"
    run("format", made, "models", "--bucket", tmp_path / "bucket", "--block-size", "64K")
    return made


def test_a_volume_is_made_looked_at_and_destroyed(url: str, tmp_path: Path) -> None:
    told = json.loads(run("status", url))
    assert told["setting"]["name"] == "models"
    assert told["setting"]["block_size_bytes"] == 64 << 10
    with Volume.open(url) as volume:
        write(volume, "a", noise(100_000))
        assert json.loads(run("status", url))["sessions"][0]["alive"]
        info = json.loads(run("info", url, "/a", "--raw"))
        assert info["blocks"] == len(info["objects"]) == 2
    uuid = told["setting"]["uuid"]
    with pytest.raises(BadInput, match="with UUID"):
        run("destroy", url, "wrong", "--yes")
    run("destroy", url, uuid, "--yes")
    assert not [path for path in (tmp_path / "bucket").rglob("*") if path.is_file()]
    with pytest.raises(MeganeuraError):
        run("status", url)


def test_a_second_format_changes_nothing(url: str, tmp_path: Path) -> None:
    with pytest.raises(MeganeuraError, match="holds a volume already"):
        run("format", url, "others", "--bucket", tmp_path / "bucket")
    assert json.loads(run("status", url))["setting"]["name"] == "models"


def test_config_changes_what_may_change(url: str) -> None:
    run("config", url, "--capacity", "10G", "--trash-days", "3", "--upload-limit", "80")
    told = json.loads(run("config", url))
    assert told["capacity_bytes"] == 10 << 30
    assert told["trash_days"] == 3
    assert told["upload_limit_bytes_s"] == 10_000_000
    with pytest.raises(BadInput, match="plain blocks"):
        run("config", url, "--compress", "zstd")


def test_an_open_volume_takes_over_new_settings(url: str) -> None:
    with Volume.open(url) as volume:
        run("config", url, "--download-limit", "1M", "--capacity", "1G")
        volume.reload()
        assert volume.format.download_limit_bytes_s == 1 << 20
        assert volume.settings.capacity_bytes == 1 << 30
        write(volume, "a", b"still works")


def test_keys_are_shown_nowhere(tmp_path: Path) -> None:
    bucket = shared.s3_bucket()
    made = f"sqlite:///{tmp_path}/s3.db"
    where = ("--storage", "s3", "--bucket", f"{bucket.endpoint}/{bucket.name}")
    keys = {"ACCESS_KEY": bucket.access_key, "SECRET_KEY": bucket.secret_key}
    said = run("format", made, "models", *where, **keys)
    said += run("status", made) + run("config", made)
    with Volume.open(made) as volume:
        said += repr(volume.format) + volume.blocks.url
        data = noise(9_000_000)
        assert content(volume, write(volume, "a", data)) == data
    assert bucket.secret_key not in said
    assert '"removed"' in said
    with pytest.raises(MeganeuraError) as caught:
        run("config", made, "--access-key", KEY, "--secret-key", SECRET)
    assert KEY not in str(caught.value)
    assert SECRET not in str(caught.value)


def test_an_encrypted_volume_needs_its_passphrase(tmp_path: Path) -> None:
    made = f"sqlite:///{tmp_path}/meta.db"
    where = ("--bucket", tmp_path / "bucket", "--encrypt", "--compress", "zstd")
    with pytest.raises(BadInput, match="--passphrase-file"):
        run("format", made, "models", *where)
    said = run("format", made, "models", *where, MEGANEURA_PASSPHRASE="open sesame")
    assert "sesame" not in said
    text = b"the weights of a model " * 10_000
    with Volume.open(made, VolumeOptions(passphrase=b"open sesame")) as volume:
        ino = write(volume, "a", text)
    stored = [path for path in (tmp_path / "bucket").rglob("*") if path.is_file()]
    assert not any(b"weights" in path.read_bytes() for path in stored)
    assert sum(path.stat().st_size for path in stored) < len(text) // 10
    with pytest.raises(BadInput, match="encrypted"):
        Volume.open(made)
    with pytest.raises(Denied):
        Volume.open(made, VolumeOptions(passphrase=b"open barley"))
    (tmp_path / "new").write_text("open rye\n")
    run(
        *("config", made, "--new-passphrase-file", tmp_path / "new"),
        MEGANEURA_PASSPHRASE="open sesame",
    )
    with Volume.open(made, VolumeOptions(passphrase=b"open rye")) as volume:
        assert content(volume, ino) == text


def test_the_cache_of_an_encrypted_volume_can_be_encrypted(tmp_path: Path) -> None:
    made = f"sqlite:///{tmp_path}/meta.db"
    where = ("--bucket", tmp_path / "bucket", "--block-size", "64K")
    run("format", made, "models", *where, "--encrypt", MEGANEURA_PASSPHRASE="open sesame")
    cache = CacheOptions(dirs=(tmp_path / "cache",), free_ratio=0.0, encrypt=True)
    chosen = VolumeOptions(passphrase=b"open sesame", cache=cache)
    text = b"the weights of a model " * 10_000
    with Volume.open(made, chosen) as volume:
        ino = write(volume, "a", text)
    with Volume.open(made, chosen) as volume:
        volume.blocks.delete(block.digest for block in volume.meta.blocks(ino, 0, 4))
        assert content(volume, ino) == text
        file = volume.files.open(ROOT_CALLER, ino, 0)
        assert file.passthrough_fd() is None
        file.release()
    kept = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert kept
    assert not any(b"weights" in path.read_bytes() for path in kept)


def test_a_volume_goes_by_a_name(url: str) -> None:
    told = run("status", "dffs://mine", MEGANEURA_VOLUME_MINE=url)
    assert json.loads(told)["setting"]["name"] == "models"


@pytest.mark.parametrize(
    "words",
    [
        ("format", "sqlite:///{}/x.db", "UPPER"),
        ("format", "sqlite:///{}/x.db", "models", "--block-size", "100K"),
        ("format", "sqlite:///{}/x.db", "models", "--storage", "s3"),
        ("format", "nothing://x", "models"),
        ("mount", "sqlite:///{}/x.db", "{}/none"),
        ("nonsense",),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    words: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.argv", ["dffs", *(word.format(tmp_path) for word in words)])
    assert main() == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("dffs: ")
    assert not (tmp_path / "x.db").exists() or words[0] != "format"
