"""hf:// URLs and the token's places."""

from __future__ import annotations

from pathlib import Path

import pytest

from dfcore.errors import BadInput
from dfdaemon.cli.hubfiles import token_of_environment
from dfdaemon.hub.routes import Repo
from dfdaemon.hub.urls import HubUrl, hub_url_of_page, parse_hub_url


@pytest.mark.parametrize(
    ("url", "type_", "id_", "revision", "path"),
    [
        ("hf://o/r", "models", "o/r", "main", ""),
        ("hf://o/r/", "models", "o/r", "main", ""),
        ("hf://gpt2", "models", "gpt2", "main", ""),
        ("hf://gpt2@v1/config.json", "models", "gpt2", "v1", "config.json"),
        ("hf://models/o/r/a/b.bin", "models", "o/r", "main", "a/b.bin"),
        ("hf://datasets/o/r@v1.0/x.csv", "datasets", "o/r", "v1.0", "x.csv"),
        ("hf://spaces/o/r@refs/pr/1/app.py", "spaces", "o/r", "refs/pr/1", "app.py"),
        ("hf://o/r@refs%2Fpr%2F1", "models", "o/r", "refs/pr/1", ""),
        ("hf://o/r/odd@name.txt", "models", "o/r", "main", "odd@name.txt"),
        ("hf://o/r/100%25.txt", "models", "o/r", "main", "100%25.txt"),
    ],
)
def test_parts_of_a_url(url: str, type_: str, id_: str, revision: str, path: str) -> None:
    assert parse_hub_url(url) == HubUrl(Repo(type_, id_), revision, path)


@pytest.mark.parametrize(
    "url",
    ["hf://", "hf:///r", "hf://o/r@", "hf://o//r", "hf://datasets", "hf://o/r?x=1", "hf://o/@v"],
)
def test_what_is_no_hub_url(url: str) -> None:
    with pytest.raises(BadInput, match="is not hf://"):
        parse_hub_url(url)


def test_a_download_page_is_a_hub_file() -> None:
    base = "https://huggingface.co"
    wanted = HubUrl(Repo("datasets", "o/r"), "main", "a b.csv")
    assert hub_url_of_page(f"{base}/datasets/o/r/resolve/main/a%20b.csv", base) == wanted
    assert hub_url_of_page(f"{base}/o/r", base) is None
    assert hub_url_of_page("https://other/o/r/resolve/main/x", base) is None


def test_the_token_is_where_huggingface_hub_has_it(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("hf_file\n")
    home = {"HF_HOME": str(tmp_path)}
    assert token_of_environment(home) == "hf_file"
    assert token_of_environment({**home, "HF_TOKEN": "hf_env"}) == "hf_env"
    assert token_of_environment({"HF_TOKEN_PATH": str(tmp_path / "token")}) == "hf_file"
    assert token_of_environment({"HF_HOME": str(tmp_path / "none")}) == ""
    assert token_of_environment({**home, "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"}) == ""
