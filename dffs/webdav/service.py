"""The WSGI application and its server (cheroot)."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cheroot import wsgi
from cheroot.ssl.builtin import BuiltinSSLAdapter
from wsgidav.wsgidav_app import WsgiDAVApp

from dfcore.errors import BadInput
from dffs.tree import Tree
from dffs.webdav.provider import VolumeProvider
from dfinfra.http import listen_error


@dataclass(frozen=True, slots=True)
class WebdavOptions:
    """One server. `users` are passwords by name; without any, everybody may."""

    host: str = "127.0.0.1"
    port: int = 9007
    users: Mapping[str, str] = field(default_factory=dict, repr=False)
    read_only: bool = False
    threads: int = 50
    cert_file: Path | None = None
    key_file: Path | None = None


def application(tree: Tree, options: WebdavOptions) -> Any:
    """The WSGI application."""
    if not options.users and options.host not in ("127.0.0.1", "::1", "localhost"):
        raise BadInput("webdav without a user listens at 127.0.0.1 only: set a user and a password")
    users: Any = {name: {"password": word} for name, word in options.users.items()} or True
    return WsgiDAVApp(
        {
            "provider_mapping": {"/": VolumeProvider(tree, read_only=options.read_only)},
            "simple_dc": {"user_mapping": {"*": users}},
            "http_authenticator": {"accept_basic": True, "accept_digest": True},
            "lock_storage": True,
            "property_manager": None,
            "dir_browser": {"enable": True, "response_trailer": "", "show_logout": False},
            "verbose": 0,
            "logging": {"enable": False},
        }
    )


class WebdavServer:
    """The server. `serve` blocks until `stop` is called from another thread."""

    def __init__(self, tree: Tree, options: WebdavOptions) -> None:
        self._server = wsgi.Server(
            (options.host, options.port),
            application(tree, options),
            numthreads=options.threads,
            max=options.threads,
            shutdown_timeout=5,
        )
        if options.cert_file and options.key_file:
            adapter = BuiltinSSLAdapter(str(options.cert_file), str(options.key_file))
            self._server.ssl_adapter = adapter
        try:
            self._server.prepare()
        except OSError as error:
            raise listen_error(options.host, options.port, error) from error
        self.port = int(self._server.bind_addr[1])
        self._stopped = threading.Event()

    def serve(self) -> None:
        """Serve until stopped."""
        try:
            self._server.serve()
        finally:
            self._stopped.set()

    def stop(self) -> None:
        """Finish what is under way."""
        self._server.stop()
        self._stopped.wait(10)
