"""The stand-in as a process, driven through its admin port."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.standin.process import StandInProcess


def get(url: str, method: str = "GET") -> bytes:
    request = urllib.request.Request(url, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        data: bytes = answer.read()
        return data


def test_it_serves_counts_and_misbehaves_as_told(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    with StandInProcess(tmp_path / "root", "--tiny", "--set", 'signing="amz"') as standin:
        made = standin.create(
            "org/big",
            {
                "model.safetensors": {"generated": 1 << 20},
                "*": {"directory": str(tmp_path / "model")},
            },
        )
        assert made["sizes"] == {"config.json": 2, "model.safetensors": 1 << 20}
        url = f"{standin.hub_url}/org/big/resolve/main/model.safetensors"
        assert len(get(url)) == 1 << 20
        assert standin.bytes_of("org/big/model.safetensors") == 1 << 20
        assert standin.counters()["bytes_by_object"] == {
            made["sha256"]["model.safetensors"]: 1 << 20
        }
        standin.reset()
        assert standin.counters()["requests"] == {}

        commit = standin.call("post", "commit", id="org/big", files={"config.json": "new"})
        info = json.loads(get(f"{standin.hub_url}/api/models/org/big"))
        assert info["sha"] == commit

        standin.fault("status", on=["resolve"], status=503, times=1)
        with pytest.raises(urllib.error.HTTPError, match="503"):
            get(f"{standin.hub_url}/org/big/resolve/main/config.json")
        assert standin.call("get", "faults")[0]["struck"] == 1
        with pytest.raises(ValueError, match="no such setting"):
            standin.call("post", "settings", colour="blue")
