"""A volume by WebDAV, over HTTP."""

from __future__ import annotations

import base64
import http.client
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest

from dfcore.errors import BadInput
from dffs.tree import Tree
from dffs.webdav.service import WebdavOptions, WebdavServer, application

USER = ("reader", "a password")


@pytest.fixture
def url(tree: Tree) -> Iterator[str]:
    server = WebdavServer(tree, WebdavOptions(port=0, users=dict([USER]), threads=3))
    thread = threading.Thread(target=server.serve)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.stop()
    thread.join()


@dataclass
class Answer:
    status_code: int
    content: bytes


def _ask(
    method: str,
    url: str,
    data: bytes = b"",
    headers: dict[str, str] | None = None,
    user: tuple[str, str] | None = USER,
) -> Answer:
    parts = urlsplit(url)
    sent = dict(headers or {})
    if user:
        sent["Authorization"] = "Basic " + base64.b64encode(":".join(user).encode()).decode()
    connection = http.client.HTTPConnection(parts.netloc, timeout=20)
    try:
        connection.request(method, parts.path, data, sent)
        answer = connection.getresponse()
        return Answer(answer.status, answer.read())
    finally:
        connection.close()


def test_files_come_and_go(url: str, tree: Tree) -> None:
    content = os.urandom(300_000)
    assert _ask("MKCOL", f"{url}/d").status_code == 201
    assert _ask("PUT", f"{url}/d/a%20b", data=content).status_code == 201
    with tree.open_read("d/a b") as file:
        assert file.read() == content
    assert _ask("GET", f"{url}/d/a%20b").content == content
    part = _ask("GET", f"{url}/d/a%20b", headers={"Range": "bytes=65530-65549"})
    assert (part.status_code, part.content) == (206, content[65530:65550])
    listed = _ask("PROPFIND", f"{url}/d", headers={"Depth": "1"})
    assert (listed.status_code, b"a%20b" in listed.content) == (207, True)
    assert _ask("COPY", f"{url}/d/a%20b", headers={"Destination": f"{url}/c"}).status_code == 201
    assert _ask("MOVE", f"{url}/c", headers={"Destination": f"{url}/m"}).status_code == 201
    assert tree.stat("m").content == tree.stat("d/a b").content != ""
    assert _ask("DELETE", f"{url}/d").status_code == 204
    assert tree.find("d") is None


def test_nobody_comes_in_without_a_password(url: str) -> None:
    assert _ask("GET", f"{url}/", user=None).status_code == 401
    assert _ask("GET", f"{url}/", user=("reader", "wrong")).status_code == 401


def test_without_users_it_is_for_this_host_only(tree: Tree) -> None:
    with pytest.raises(BadInput, match=r"127\.0\.0\.1"):
        application(tree, WebdavOptions(host="0.0.0.0"))
