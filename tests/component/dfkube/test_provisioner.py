"""The provisioner against an API server's few answers, with a real volume."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from dfinfra.offload import Pool
from dfkube.csi.claims import PROVISIONED_BY
from dfkube.csi.config import DRIVER, CsiConfig, VolumeConfig
from dfkube.csi.kubeapi import KubeApi
from dfkube.csi.provisioner import CLAIMS, CLASSES, VOLUMES, Provisioner

NOTE = {"volume.kubernetes.io/storage-provisioner": DRIVER}


class ApiServer:
    """Holds objects by path, and tells watchers when something is made."""

    def __init__(self) -> None:
        self.objects: dict[str, list[dict[str, Any]]] = {CLAIMS: [], VOLUMES: [], CLASSES: []}
        self.events: list[dict[str, Any]] = []
        self.changed = asyncio.Event()
        self.tokens: set[str] = set()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.tokens.add(request.headers["Authorization"])
        if request.path.endswith("/events"):
            self.events.append(await request.json())
            self.changed.set()
            return web.json_response({}, status=201)
        if request.method == "POST":
            self.objects[request.path].append(await request.json())
            self.changed.set()
            return web.json_response({}, status=201)
        if request.method == "DELETE":
            path, _, name = request.path.rpartition("/")
            kept = [one for one in self.objects[path] if one["metadata"]["name"] != name]
            self.objects[path] = kept
            self.changed.set()
            return web.json_response({})
        if "watch" in request.query:
            response = web.StreamResponse()
            await response.prepare(request)
            await response.write(json.dumps({"type": "ADDED"}).encode() + b"\n")
            await asyncio.Event().wait()
        return web.json_response({"items": self.objects[request.path]})


def app_of(server: ApiServer) -> web.Application:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.answer)
    return app


def dffs(*arguments: str) -> str:
    command = [sys.executable, "-m", "dffs.cli.main", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


async def test_a_claim_gets_a_folder_and_loses_it_again(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/meta.db"
    (tmp_path / "url").write_text(url)
    (tmp_path / "token").write_text("secret-token")
    dffs("format", url, "models", "--bucket", str(tmp_path / "objects"))
    server = ApiServer()
    listening = TestServer(app_of(server))
    await listening.start_server()
    base = str(listening.make_url("")).rstrip("/")
    parameters = {"volume": "models"}
    server.objects[CLASSES] = [
        {"metadata": {"name": "folders"}, "provisioner": DRIVER, "parameters": parameters},
        {"metadata": {"name": "broken"}, "provisioner": DRIVER},
    ]
    server.objects[CLAIMS] = [claim("folders", "1"), claim("broken", "2")]
    config = CsiConfig(volumes={"models": VolumeConfig(tmp_path / "url")}, provision=True)
    provisioner = Provisioner(config, KubeApi(base, tmp_path), Pool("test", 2))
    await provisioner.start()
    try:
        while not (server.objects[VOLUMES] and server.events):
            server.changed.clear()
            await asyncio.wait_for(server.changed.wait(), 60)
        (volume,) = server.objects[VOLUMES]
        assert volume["metadata"]["annotations"] == {PROVISIONED_BY: DRIVER}
        told = json.loads(dffs("quota", "get", url, "--path", "/pvc/pvc-1", "--json"))
        assert told["max_bytes"] == 1 << 20
        (event,) = server.events
        assert event["involvedObject"]["name"] == "claim-2"
        assert "parameters.volume" in event["message"]
        assert server.tokens == {"Bearer secret-token"}
        server.objects[CLAIMS] = []
        volume["status"] = {"phase": "Released"}
        await provisioner.settle()
        assert server.objects[VOLUMES] == []
        assert "pvc-1" not in dffs("quota", "list", url)
    finally:
        await provisioner.stop()
        await listening.close()


def claim(storage_class: str, uid: str) -> dict[str, Any]:
    return {
        "metadata": {
            "name": f"claim-{uid}",
            "namespace": "team",
            "uid": uid,
            "annotations": NOTE,
        },
        "spec": {
            "accessModes": ["ReadWriteMany"],
            "storageClassName": storage_class,
            "resources": {"requests": {"storage": "1Mi"}},
        },
    }
