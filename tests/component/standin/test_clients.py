"""The real huggingface_hub against the stand-in: if this fails, no other client test counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.packages import HUB_VERSIONS, XET_VERSIONS, extra_folder
from tests.clients.run import cli, client
from tests.standin import StandIn, fixtures
from tests.standin.content import Content

pytestmark = pytest.mark.clients

every_version = pytest.mark.parametrize("version", HUB_VERSIONS)
NEWEST_OF_EACH_STACK = ("0.36.2", "1.33.0", "2.4.0")
SNAPSHOT = "print(snapshot_download('org/tiny'))"
WEIGHTS = "print(hf_hub_download('org/tiny', 'model.safetensors'))"


def same_files(standin: StandIn, folder: Path, repo_id: str = "org/tiny") -> bool:
    repo = standin.state.repos["model", repo_id]
    files = repo.commits[repo.head]
    return all(
        (folder / path).read_bytes() == file.content.read(0, file.content.size)
        for path, file in files.items()
    )


@every_version
async def test_a_snapshot_is_downloaded_byte_for_byte(
    version: str, standin: StandIn, home: Path
) -> None:
    result = await client(version, SNAPSHOT, home=home, endpoint=standin.hub_url)
    assert same_files(standin, result.path())
    assert standin.counters.bytes_of("org/tiny/model.safetensors") == 1 << 20
    assert standin.counters.cdn_authorization == 0


@every_version
async def test_a_token_opens_private_and_gated_repositories(
    version: str, standin: StandIn, home: Path
) -> None:
    fixtures.tiny(standin.state, "org/private", private=True)
    fixtures.tiny(standin.state, "org/gated", gated="manual")
    fixtures.tokens(standin.state, "org/private", "org/gated")
    code = "".join(
        f"print(hf_hub_download('org/{name}', 'model.safetensors'))\n"
        for name in ("private", "gated")
    )
    result = await client(
        version, code, home=home, endpoint=standin.hub_url, token=fixtures.READER_TOKEN
    )
    assert result.path().stat().st_size == 1 << 20
    assert standin.counters.by_user["reader"]["resolve HEAD"] == 2
    assert standin.counters.cdn_authorization == 0


@pytest.mark.parametrize("version", ["0.23.5", *NEWEST_OF_EACH_STACK])
@pytest.mark.parametrize(
    ("repo", "token", "error"),
    [
        ("org/private", None, "RepositoryNotFoundError"),
        ("org/private", fixtures.STRANGER_TOKEN, "RepositoryNotFoundError"),
        ("org/gated", None, "GatedRepoError"),
        ("org/gated", fixtures.STRANGER_TOKEN, "GatedRepoError"),
        ("org/absent", None, "RepositoryNotFoundError"),
        ("org/disabled", None, "DisabledRepoError"),
    ],
)
async def test_refusals_are_understood(
    version: str, repo: str, token: str | None, error: str, standin: StandIn, home: Path
) -> None:
    fixtures.tiny(standin.state, "org/private", private=True)
    fixtures.tiny(standin.state, "org/gated", gated="auto")
    fixtures.tiny(standin.state, "org/disabled").disabled = True
    code = f"hf_hub_download({repo!r}, 'config.json')"
    result = await client(version, code, home=home, endpoint=standin.hub_url, token=token)
    assert not result.ok
    assert error in result.err


@pytest.mark.parametrize("version", HUB_VERSIONS)
async def test_a_missing_file_or_revision_is_understood(
    version: str, standin: StandIn, home: Path
) -> None:
    code = (
        "from huggingface_hub.utils import EntryNotFoundError, RevisionNotFoundError\n"
        "for error, name, revision in [(EntryNotFoundError, 'absent.json', 'main'),"
        " (RevisionNotFoundError, 'config.json', 'absent')]:\n"
        "    try: hf_hub_download('org/tiny', name, revision=revision)\n"
        "    except error: print('as expected')\n"
    )
    result = await client(version, code, home=home, endpoint=standin.hub_url)
    assert result.out.split("\n")[:2] == ["as expected", "as expected"], result.err
    commit = standin.state.repos["model", "org/tiny"].head
    remembered = f"hf/hub/models--org--tiny/.no_exist/{commit}/absent.json"
    assert (home / remembered).exists()


@pytest.mark.parametrize(
    ("version", "fault"),
    [*((version, "stall") for version in HUB_VERSIONS[1:]), ("1.33.0", "cut"), ("2.4.0", "cut")],
)
async def test_a_broken_body_is_resumed_with_a_range(
    version: str, fault: str, standin: StandIn, home: Path, tmp_path: Path
) -> None:
    # The requests-based versions resume after a stall only; a cut ends their download.
    # All resume at a multiple of 10 MiB, the block they read.
    weights = fixtures.weights(tmp_path, 24 << 20)
    standin.state.create("org/tiny", {"model.safetensors": weights})
    standin.faults.add(fault, on=("cdn",), after_bytes=12 << 20, times=1, seconds=60)
    short = {"HF_HUB_DOWNLOAD_TIMEOUT": "1"}
    result = await client(version, WEIGHTS, home=home, endpoint=standin.hub_url, env=short)
    assert Content(result.path()).sha256 == weights.sha256
    asked = [r.headers.get("Range") for r in standin.counters.log if r.kind == "cdn"]
    assert asked == [None, f"bytes={10 << 20}-"]


@pytest.mark.parametrize("version", NEWEST_OF_EACH_STACK)
async def test_xet_headers_do_no_harm_without_xet(
    version: str, standin: StandIn, home: Path
) -> None:
    standin.settings.change(xet=True)
    one = await client(version, SNAPSHOT, home=home / "a", endpoint=standin.hub_url)
    disabled = {"HF_HUB_DISABLE_XET": "1"}
    two = await client(
        version,
        SNAPSHOT,
        home=home / "b",
        endpoint=standin.hub_url,
        xet=XET_VERSIONS[0],
        env=disabled,
    )
    assert same_files(standin, one.path())
    assert same_files(standin, two.path())


@pytest.mark.parametrize("version", ["0.30.2", *NEWEST_OF_EACH_STACK])
async def test_the_tree_is_read_page_by_page(version: str, standin: StandIn, home: Path) -> None:
    standin.settings.change(page_size=2)
    code = (
        "from huggingface_hub import HfApi\n"
        "print(len(list(HfApi().list_repo_tree('org/tiny', recursive=True))))\n"
    )
    result = await client(version, code, home=home, endpoint=standin.hub_url)
    assert result.last_line == "6", result.err


@pytest.mark.parametrize("version", NEWEST_OF_EACH_STACK)
async def test_the_command_line_tool_downloads(version: str, standin: StandIn, home: Path) -> None:
    result = await cli(
        version, "download", "org/tiny", "config.json", home=home, endpoint=standin.hub_url
    )
    assert result.ok, result.err
    assert list((home / "hf" / "hub" / "models--org--tiny").glob("snapshots/*/config.json"))


@pytest.mark.parametrize("version", ["1.33.0", "2.4.0"])
async def test_a_rate_limited_get_is_asked_again(
    version: str, standin: StandIn, home: Path
) -> None:
    fault = standin.faults.add(
        "status",
        on=("resolve-cache",),
        method="GET",
        times=1,
        status=429,
        headers={"RateLimit": '"resolvers";r=0;t=0'},
    )
    code = "print(hf_hub_download('org/tiny', 'config.json'))"
    result = await client(version, code, home=home, endpoint=standin.hub_url)
    assert result.ok, result.err
    assert fault.struck == 1
    assert standin.counters.requests["resolve-cache GET"] == 2


@pytest.mark.parametrize("version", NEWEST_OF_EACH_STACK)
async def test_https_with_the_standins_own_ca(version: str, tmp_path: Path, home: Path) -> None:
    async with StandIn(root=tmp_path / "standin", tls=True) as standin:
        fixtures.tiny(standin.state)
        result = await client(
            version, SNAPSHOT, home=home, endpoint=standin.hub_url, ca_file=standin.ca_file
        )
        assert same_files(standin, result.path())


@pytest.mark.parametrize("version", ["0.36.2", "1.33.0", "2.4.0"])
async def test_hf_xet_rebuilds_a_file_from_xorbs(
    version: str, standin: StandIn, home: Path, tmp_path: Path
) -> None:
    standin.settings.change(xet=True)
    content = fixtures.weights(tmp_path, 70 << 20)
    standin.state.create("org/xet", {"model.safetensors": content})
    code = "print(hf_hub_download('org/xet', 'model.safetensors'))"
    result = await client(version, code, home=home, endpoint=standin.hub_url, xet=XET_VERSIONS[0])
    assert Content(result.path()).sha256 == content.sha256
    assert standin.counters.bytes_by_kind["transfer"] >= content.size
    assert standin.counters.bytes_by_kind["cdn"] == 0


@pytest.mark.skipif(
    not (extra_folder("datasets-need") / ".installed").exists(),
    reason="datasets is not installed (tests/clients/install --datasets)",
)
@pytest.mark.parametrize("version", ["1.33.0", "2.4.0"])
async def test_datasets_reads_whole_files_and_streams(
    version: str, standin: StandIn, home: Path
) -> None:
    standin.state.create("org/data", {"train.csv": "a,b\n1,2\n3,4\n"}, type="dataset")
    code = (
        "from datasets import load_dataset\n"
        "print(load_dataset('org/data', split='train')[1])\n"
        "print(list(load_dataset('org/data', split='train', streaming=True))[1])\n"
    )
    extras = ("datasets", "datasets-need")
    result = await client(version, code, home=home, endpoint=standin.hub_url, extras=extras)
    assert result.out.splitlines() == ["{'a': 3, 'b': 4}"] * 2, result.err
