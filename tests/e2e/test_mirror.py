"""Mirror mode (`HF_ENDPOINT`): every huggingface_hub downloads as from the Hub itself."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tests.clients.packages import HUB_VERSIONS, XET_VERSIONS, extra_folder
from tests.e2e.bed import MIB, Bed, Made, sha256
from tests.e2e.http import fetch
from tests.e2e.secrets import READER

pytestmark = [pytest.mark.cluster, pytest.mark.clients]

every_version = pytest.mark.parametrize("version", HUB_VERSIONS)
newest_of_each_stack = pytest.mark.parametrize("version", ["0.36.2", "1.33.0", "2.4.0"])
XET = XET_VERSIONS[0]

ALL_WAYS = """
import hashlib
import json
from pathlib import Path
from huggingface_hub.utils import EntryNotFoundError, RevisionNotFoundError
from huggingface_hub import HfApi
told = {"one": hf_hub_download(REPO, "model.safetensors")}
told["deep"] = hf_hub_download(REPO, "nested/deeper/vocab.txt", revision=COMMIT)
told["empty"] = hf_hub_download(REPO, "empty.txt")
told["all"] = snapshot_download(REPO)
for error, name, revision in [
    (EntryNotFoundError, "absent.json", "main"),
    (RevisionNotFoundError, "config.json", "absent"),
]:
    try:
        hf_hub_download(REPO, name, revision=revision)
    except error:
        told[name + revision] = "as expected"
told["sha"] = HfApi().model_info(REPO).sha
told["listed"] = sorted(HfApi().list_repo_files(REPO))
print(json.dumps(told))
"""


def code_for(repo: Made, code: str) -> str:
    return f"REPO, COMMIT = {repo.id!r}, {repo.commit!r}\n{code}"


@every_version
def test_files_and_snapshots_arrive_byte_for_byte(version: str, bed: Bed, home: Path) -> None:
    repo = bed.repo()
    result = bed.run(version, code_for(repo, ALL_WAYS), home=home)
    assert result.ok, result.err
    told = json.loads(result.last_line)
    assert sha256(Path(told["one"])) == repo.sha256["model.safetensors"]
    assert Path(told["empty"]).read_bytes() == b""
    assert Path(told["deep"]).parts[-3:] == ("nested", "deeper", "vocab.txt")
    assert repo.whole(Path(told["all"]))
    assert Path(told["one"]).resolve().name == repo.sha256["model.safetensors"]
    assert told["sha"] == repo.commit
    assert told["listed"] == sorted(repo.sha256)
    assert [told["absent.jsonmain"], told["config.jsonabsent"]] == ["as expected"] * 2
    remembered = f"hf/hub/models--{repo.id.replace('/', '--')}/.no_exist/{repo.commit}/absent.json"
    assert (home / remembered).exists()
    assert bed.origin_bytes(repo) == MIB


@every_version
def test_what_was_downloaded_is_there_offline(version: str, bed: Bed, home: Path) -> None:
    repo = bed.repo()
    code = code_for(repo, "print(snapshot_download(REPO))")
    online = bed.run(version, code, home=home)
    bed.standin.reset()
    offline = bed.run(
        version,
        code_for(repo, "snapshot_download(REPO); print(hf_hub_download(REPO, 'config.json'))"),
        home=home,
        env={"HF_HUB_OFFLINE": "1"},
    )
    assert offline.path() == online.path() / "config.json"
    assert bed.standin.counters()["requests"] == {}


@pytest.mark.parametrize("version", HUB_VERSIONS[1:])  # 0.17's tool has no download
def test_the_command_line_tool_downloads(version: str, bed: Bed, home: Path) -> None:
    repo = bed.repo()
    result = bed.cli(version, "download", repo.id, "model.safetensors", "config.json", home=home)
    assert result.ok, result.err
    (found,) = (home / "hf" / "hub").glob("*/snapshots/*/model.safetensors")
    assert sha256(found) == repo.sha256["model.safetensors"]
    assert bed.origin_bytes(repo) == MIB


@newest_of_each_stack
def test_the_command_line_tool_knows_who_one_is(version: str, bed: Bed) -> None:
    bed.repo(reader=True)
    command = ("whoami",) if version == "0.23.5" else ("auth", "whoami")
    result = bed.cli(version, *command, token=READER)
    assert result.ok, result.err
    assert "reader" in result.out


@newest_of_each_stack
def test_a_local_folder_is_filled(version: str, bed: Bed, home: Path) -> None:
    repo = bed.repo()
    code = code_for(repo, "print(snapshot_download(REPO, local_dir='here'))")
    result = bed.run(version, code, home=home)
    assert result.ok, result.err
    assert repo.whole(home / "here")


@newest_of_each_stack
@pytest.mark.parametrize("xet", [None, XET])
def test_xet_files_travel_whole_and_the_chunk_store_is_not_asked(
    version: str, xet: str | None, bed: Bed
) -> None:
    bed.standin.call("post", "settings", xet=True)
    repo = bed.repo()
    code = code_for(
        repo,
        "hf_hub_download(REPO, 'model.safetensors', cache_dir='one')\n"
        "print(snapshot_download(REPO))",
    )
    result = bed.run(version, code, xet=xet)
    assert repo.whole(result.path())
    counters = bed.standin.counters()
    asked = {key.split()[0] for key in counters["requests"]}
    assert asked.isdisjoint({"cas", "transfer", "xet-token"})
    assert bed.origin_bytes(repo) == MIB


@pytest.fixture(scope="module")
def keeper(bed: Bed) -> str:
    """Endpoint of a node that leaves Xet to files from 2 MiB up."""
    return bed.another_node(hub={"keepXetAbove": "2MiB"}).proxy_url


@pytest.mark.parametrize("version", ["0.36.2", "1.33.0", "2.4.0"])
def test_the_largest_files_keep_xet_if_the_node_is_told_so(
    version: str, bed: Bed, keeper: str
) -> None:
    bed.standin.call("post", "settings", xet=True)
    size = 5 * MIB
    repo = bed.repo({**bed.few_files(), "large.safetensors": bed.weights(size)})
    code = code_for(repo, "print(snapshot_download(REPO))")
    result = bed.run(version, code, endpoint=keeper, xet=XET)
    assert repo.whole(result.path())
    kinds = bed.standin.counters()["bytes_by_kind"]
    assert kinds["transfer"] >= size
    assert kinds["cdn"] == MIB
    # Who has no hf_xet gets the same file whole, through the swarm.
    without = bed.run(version, code, endpoint=keeper)
    assert repo.whole(without.path())
    assert bed.standin.counters()["bytes_by_kind"]["cdn"] == MIB + size


@pytest.mark.parametrize("version", ["0.30.2", "0.36.2", "1.33.0", "2.4.0"])
def test_a_listing_in_pages_is_read_to_its_end(version: str, bed: Bed) -> None:
    bed.standin.call("post", "settings", page_size=2, xet=True)
    repo = bed.repo()
    code = (
        "from huggingface_hub import HfApi\n"
        "found = list(HfApi().list_repo_tree(REPO, recursive=True))\n"
        "print(len(found), sum(getattr(f, 'xet_hash', None) is not None for f in found))\n"
    )
    for _ in range(2):
        result = bed.run(version, code_for(repo, code))
        assert result.last_line == "6 0", result.err
    # Each page was asked once: the clients were led from page to page by the mirror, not past it.
    assert len([r for r in bed.requests("api") if "/tree/" in r["target"]]) == 3


@newest_of_each_stack
def test_other_kinds_and_revisions(version: str, bed: Bed) -> None:
    data = bed.repo({"a.txt": bed.fresh("text")}, type="dataset")
    space = bed.repo({"app.py": bed.fresh("text")}, type="space")
    model = bed.repo({"config.json": bed.fresh("old")})
    files = {"config.json": "new"}
    newer = bed.standin.call("post", "commit", id=model.id, files=files, ref="refs/pr/1")
    code = (
        f"print(open(hf_hub_download({data.id!r}, 'a.txt', repo_type='dataset')).read())\n"
        f"print(open(hf_hub_download({space.id!r}, 'app.py', repo_type='space')).read())\n"
        f"for revision in ('refs/pr/1', {newer!r}, 'main'):\n"
        f"    print(open(hf_hub_download({model.id!r}, 'config.json', revision=revision)).read())\n"
    )
    result = bed.run(version, code)
    assert result.ok, result.err
    texts = result.out.split()
    assert [text.rpartition("-")[0] or text for text in texts] == [
        "text", "text", "new", "new", "old",
    ]  # fmt: skip


@newest_of_each_stack
def test_a_renamed_repository_is_found_by_its_old_name(version: str, bed: Bed) -> None:
    repo = bed.repo()
    bed.standin.call("post", "rename", id=repo.id, new_id=f"{repo.id}-renamed")
    result = bed.run(version, code_for(repo, "print(snapshot_download(REPO))"))
    assert repo.whole(result.path())


def test_hf_transfer_fetches_ranges_in_any_order(bed: Bed) -> None:
    size = 60 * MIB
    repo = bed.repo({"model.safetensors": bed.weights(size)})
    result = bed.run(
        "0.36.2",
        code_for(repo, "print(hf_hub_download(REPO, 'model.safetensors'))"),
        extras=("hf_transfer-0.1.9",),
        env={"HF_HUB_ENABLE_HF_TRANSFER": "1"},
    )
    assert sha256(result.path()) == repo.sha256["model.safetensors"]
    assert bed.origin_bytes(repo) == size


def test_a_gguf_model_is_pulled_as_ollama_does(bed: Bed) -> None:
    size = 3 * MIB
    repo = bed.repo({"m-Q4_K_M.gguf": bed.weights(size), "m-Q8_0.gguf": bed.weights(MIB)})
    base = f"{bed.endpoint}/v2/{repo.id}"
    manifest = json.loads(fetch(f"{base}/manifests/Q4_K_M").body)
    digest = manifest["layers"][0]["digest"]
    assert digest == f"sha256:{repo.sha256['m-Q4_K_M.gguf']}"
    parts = [
        fetch(f"{base}/blobs/{digest}", headers={"Range": f"bytes={n * MIB}-{(n + 1) * MIB - 1}"})
        for n in range(3)
    ]
    assert [part.status for part in parts] == [206] * 3
    joined = b"".join(part.body for part in parts)
    assert f"sha256:{hashlib.sha256(joined).hexdigest()}" == digest
    assert fetch(f"{base}/manifests/Q2").status == 404
    assert bed.origin_bytes(repo, "m-Q4_K_M.gguf") <= size * 1.01


RESUME = """
import os
from huggingface_hub import constants
folder = os.path.join(constants.HF_HUB_CACHE, "models--" + REPO.replace("/", "--"), "blobs")
os.makedirs(folder)
with open(os.path.join(folder, SHA + ".incomplete"), "wb") as file:
    file.write(HALF)
print(hf_hub_download(REPO, "model.safetensors"))
"""


@pytest.mark.parametrize("version", ["0.23.5", "0.30.2", "0.36.2"])
def test_a_client_resumes_its_own_half_file(version: str, bed: Bed) -> None:
    whole = bytes(range(256)) * 4096 + bed.fresh("end").encode()
    repo = bed.repo({"model.safetensors": {"hex": whole.hex()}})
    digest = repo.sha256["model.safetensors"]
    code = f"SHA = {digest!r}\nHALF = bytes(range(256)) * 2048\n{RESUME}"
    result = bed.run(version, code_for(repo, code))
    assert sha256(result.path()) == digest


needs_datasets = pytest.mark.skipif(
    not (extra_folder("datasets-need") / ".installed").exists(),
    reason="datasets is not installed (tests/clients/install --datasets)",
)

PARQUET = """
import sys
import pyarrow as pa, pyarrow.parquet as pq
table = pa.table({"n": pa.array(range(40000)), "text": ["row %d" % n for n in range(40000)]})
pq.write_table(table, sys.argv[1] if len(sys.argv) > 1 else "train.parquet", row_group_size=2000,
    compression="none", use_dictionary=False)
"""

READ = """
from datasets import load_dataset
import pyarrow.parquet as pq
from huggingface_hub import HfFileSystem
if hasattr(HfFileSystem, "_open"):
    with HfFileSystem().open("datasets/" + REPO + "/train.parquet", block_size=65536) as file:
        part = pq.ParquetFile(file).read_row_group(7, columns=["n"])
        print(part.column("n")[0])
print(load_dataset(REPO, split="train", streaming=True).take(3).__iter__().__next__()["text"])
print(load_dataset(REPO, split="train")[39999]["n"])
"""


@needs_datasets
@pytest.mark.parametrize("version", ["1.33.0", "2.4.0"])
def test_datasets_reads_parquet_in_ranges(version: str, bed: Bed, home: Path) -> None:
    extras = ("datasets", "datasets-need")
    made = bed.run(version, PARQUET, home=home, extras=extras)
    assert made.ok, made.err
    file = home / "train.parquet"
    repo = bed.repo({"train.parquet": {"path": str(file)}}, type="dataset")
    bed.standin.reset()
    result = bed.run(version, code_for(repo, READ), home=home, extras=extras)
    assert result.out.splitlines() == ["14000", "row 0", "39999"], result.err
    assert bed.origin_bytes(repo, "train.parquet") <= file.stat().st_size * 1.01
