"""Servers that speak what Azure, Google and WebDAV speak, where they are installed.

    npm install -g azurite
    go build -o … of the branch support-xml-api of github.com/tustvold/fake-gcs-server

Their programs are looked for in PATH. The fake-gcs-server of upstream has not the interface by which the
library puts objects, and is passed over. WebDAV comes with the libraries of `dffs webdav`.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import http.client
import itertools
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dffs.object.opening import Location
from tests.servers.processes import Server, ServerMissing, program

# What the emulator's documentation says: not a secret.
_ACCOUNT = "devstoreaccount1"
_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


class Azurite(Server):
    """Azure's blobs."""

    kind = "azure"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/{_ACCOUNT}"

    def command(self) -> list[str]:
        return [
            *(program("azurite-blob"), "--silent", "--location", str(self.folder)),
            *("--blobHost", "127.0.0.1", "--blobPort", str(self.port)),
            *("--skipApiVersionCheck", "--disableTelemetry"),
        ]

    def new_bucket(self, name: str) -> Location:
        """Make a container: signed, because only the library's own requests are signed for us."""
        headers = {
            "x-ms-date": datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT"),
            "x-ms-version": "2021-08-06",
        }
        signed = "PUT" + "\n" * 12 + "".join(f"{key}:{text}\n" for key, text in headers.items())
        signed += f"/{_ACCOUNT}/{_ACCOUNT}/{name}\nrestype:container"
        digest = hmac.new(base64.b64decode(_KEY), signed.encode(), hashlib.sha256).digest()
        headers["Authorization"] = f"SharedKey {_ACCOUNT}:{base64.b64encode(digest).decode()}"
        _ask(self.port, "PUT", f"/{_ACCOUNT}/{name}?restype=container", headers)
        return Location("azure", f"{self.url}/{name}", access_key=_ACCOUNT, secret_key=_KEY)


class FakeGoogle(Server):
    """Google's objects."""

    kind = "gs"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        return [
            *(program("fake-gcs-server"), "-scheme", "http", "-host", "127.0.0.1"),
            *("-port", str(self.port), "-backend", "memory"),
            *("-public-host", f"127.0.0.1:{self.port}", "-external-url", self.url),
        ]

    def new_bucket(self, name: str) -> Location:
        """Make a bucket."""
        body = json.dumps({"name": name})
        headers = {"Content-Type": "application/json"}
        _ask(self.port, "POST", "/storage/v1/b?project=tests", headers, body)
        try:
            _ask(self.port, "PUT", f"/{name}/probe", {}, "x")
        except AssertionError:
            raise ServerMissing(
                "fake-gcs-server with Google's XML interface is not there"
            ) from None
        _ask(self.port, "DELETE", f"/storage/v1/b/{name}/o/probe", {})
        return Location("gs", f"{self.url}/{name}")


class WebDAV(Server):
    """Files over HTTP."""

    kind = "http"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def prepare(self) -> None:
        (self.folder / "files").mkdir()

    def command(self) -> list[str]:
        return [
            *(sys.executable, "-m", "wsgidav.server.server_cli", "--host", "127.0.0.1"),
            *("--port", str(self.port), "--root", str(self.folder / "files")),
            *("--auth", "anonymous", "--server", "cheroot", "--no-config"),
        ]

    def new_bucket(self, name: str) -> Location:
        """A folder."""
        (self.folder / "files" / name).mkdir()
        return Location("http", f"{self.url}/{name}/")


EMULATORS: dict[str, type[Azurite | FakeGoogle | WebDAV]] = {
    server.kind: server for server in (Azurite, FakeGoogle, WebDAV)
}


class Running:
    """Servers that were asked for, until the end of the module."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = contextlib.ExitStack()
        self._servers: dict[str, Azurite | FakeGoogle | WebDAV] = {}
        self.numbers = itertools.count()

    def server(self, kind: str) -> Azurite | FakeGoogle | WebDAV:
        """It, started; ServerMissing."""
        if kind not in self._servers:
            made = EMULATORS[kind](self._folder / kind)
            self._servers[kind] = self._stack.enter_context(made)
        return self._servers[kind]

    def stop(self) -> None:
        """End all."""
        self._stack.close()


def new_bucket(kind: str, running: Running) -> Location:
    """An empty bucket; skips the test where the server is not installed."""
    try:
        return running.server(kind).new_bucket(f"bucket-{next(running.numbers)}")
    except ServerMissing as error:
        pytest.skip(f"{str(error).partition(' (')[0]}: {kind.upper()} IS NOT TESTED HERE")


def _ask(port: int, method: str, path: str, headers: dict[str, str], body: str = "") -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        said = answer.read()
        assert answer.status < 300, f"{answer.status}: {said[:300]!r}"
    finally:
        connection.close()
