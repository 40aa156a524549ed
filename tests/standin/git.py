"""Git of the stand-in Hub: clones over smart HTTP, served by `git http-backend`.

A bare repository is written with `git fast-import` when it is first asked for; LFS files go in
as pointers. Its commit id is git's own, not the one that the Hub's API tells. Called by hub.py.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path

from tests.standin import access
from tests.standin.content import Content, lfs_pointer
from tests.standin.exchange import Exchange, Listener
from tests.standin.lfs import REALM
from tests.standin.model import File, Repo
from tests.standin.reply import RefusedError, Reply


class GitHandlers:
    """Handlers of info/refs and git-upload-pack."""

    def __init__(self, hub: Listener) -> None:
        self._hub = hub

    async def serve(self, exchange: Exchange, type: str, repo_id: str, service: str) -> Reply:
        """`/{id}[.git]/info/refs` and `/{id}[.git]/git-upload-pack`."""
        try:
            repo = access.readable(self._hub.state, exchange.user, type, repo_id)
        except RefusedError as refused:
            if refused.reply.status == 401:
                refused.reply.headers["WWW-Authenticate"] = REALM
            raise
        root = self._hub.standin.root
        if root is None:
            raise ValueError("git needs the stand-in's root folder")
        folder = await asyncio.to_thread(_bare, root / "git", repo)
        request = exchange.request
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "GIT_PROJECT_ROOT": str(folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "PATH_INFO": f"/{service}",
            "REQUEST_METHOD": request.method,
            "QUERY_STRING": request.rel_url.raw_query_string,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
        }
        data = await request.read()
        output = await asyncio.to_thread(_backend, data, environment)
        return _from_cgi(output)


def _backend(data: bytes, environment: dict[str, str]) -> bytes:
    command = ["git", "http-backend"]
    done = subprocess.run(command, input=data, env=environment, capture_output=True, check=True)
    return done.stdout


def _from_cgi(output: bytes) -> Reply:
    head, _, body = output.partition(b"\r\n\r\n")
    status, headers = 200, {}
    for line in head.decode().split("\r\n"):
        name, _, value = line.partition(": ")
        if name.lower() == "status":
            status = int(value.split()[0])
        else:
            headers[name] = value
    return Reply(status, headers, Content(body))


def _bare(root: Path, repo: Repo) -> Path:
    """A bare repository with the head of `main` as its one commit."""
    folder = root / f"{repo.hex_id}-{repo.head}.git"
    if folder.exists():
        return folder
    partial = folder.with_suffix(".partial")
    subprocess.run(["git", "init", "--quiet", "--bare", "-b", "main", str(partial)], check=True)
    subprocess.run(
        ["git", "-C", str(partial), "fast-import", "--quiet", "--date-format=raw"],
        input=_import_stream(repo.commits[repo.head]),
        check=True,
    )
    partial.rename(folder)
    return folder


def _import_stream(files: dict[str, File]) -> bytes:
    parts = [
        b"commit refs/heads/main\n",
        b"committer Stand-in <standin@example.com> 1767323045 +0000\n",
        b"data 6\nUpload\n",
    ]
    tracked = [path for path, file in files.items() if file.lfs]
    lines = "".join(f'"{path}" filter=lfs diff=lfs merge=lfs -text\n' for path in tracked)
    listed = {path: _git_bytes(file) for path, file in files.items()}
    for path, data in {".gitattributes": lines.encode(), **listed}.items():
        parts.append(f'M 100644 inline "{path}"\ndata {len(data)}\n'.encode() + data + b"\n")
    return b"".join(parts)


def _git_bytes(file: File) -> bytes:
    if file.lfs:
        return lfs_pointer(file.content)
    return file.content.read(0, file.content.size)
