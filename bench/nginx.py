"""An nginx of our own on loopback, as the origin that everybody knows."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from dfcore.errors import ConfigError
from tests.swarm.ports import free_port

_CONFIG = """\
{user}
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  sendfile on;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  {before}
  server {{ listen {place}; {server} }}
}}
"""


def binary() -> str:
    """The nginx of this machine. Raises ConfigError if there is none."""
    path = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/sbin")
    if path is None:
        raise ConfigError("nginx is not installed: we are measured against it")
    return path


class Nginx:
    """Serves the folder ``root``; ``url`` is its address while the block runs.

    ``prefix`` is a command that starts it elsewhere, where it listens at ``address``.
    """

    def __init__(
        self,
        folder: Path,
        root: Path,
        *,
        address: str = "127.0.0.1",
        port: int | None = None,
        prefix: Sequence[str] = (),
    ) -> None:
        self._folder = folder
        self._root = root
        self._address = address
        self._port = port or free_port()
        self._prefix = prefix
        self.url = f"http://{address}:{self._port}"

    def _says(self) -> tuple[str, str]:
        """What the configuration says before the server's section, and in it."""
        return "", f"root {self._root};"

    def _config(self) -> str:
        before, server = self._says()
        # As root nginx gives its workers to another user, who may not enter our folders.
        user = "user root;" if os.geteuid() == 0 else ""
        place = f"{self._address}:{self._port}"
        return _CONFIG.format(
            user=user, folder=self._folder, before=before, place=place, server=server
        )

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        config = self._folder / "nginx.conf"
        config.write_text(self._config())
        command = [*self._prefix, binary(), "-e", "stderr", "-c", str(config)]
        self._process = subprocess.Popen(command)
        look = ["curl", "-s", "-o", "/dev/null", "--noproxy", "*", "--retry", "100"]
        look += ["--retry-connrefused", "--retry-delay", "0", "--retry-max-time", "10"]
        subprocess.run([*self._prefix, *look, f"{self.url}/"], check=False)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.kill(self._process.pid, signal.SIGTERM)
        self._process.wait(10)


_CACHING = """
    location / {{
      proxy_pass {origin};
      proxy_cache all;
      proxy_cache_valid 200 1h;
      proxy_cache_lock on;
      proxy_cache_lock_timeout 1h;
      proxy_http_version 1.1;
    }}
"""


class NginxCache(Nginx):
    """A cache in front of ``origin_url``, of at most ``max_bytes``; ``place`` is as of Nginx."""

    def __init__(self, folder: Path, origin_url: str, max_bytes: int, **place: Any) -> None:
        super().__init__(folder, folder, **place)
        self._origin_url = origin_url
        self._max_bytes = max_bytes

    def _says(self) -> tuple[str, str]:
        kept = f"{self._folder}/cache keys_zone=all:10m max_size={self._max_bytes}"
        return f"proxy_cache_path {kept};", _CACHING.format(origin=self._origin_url)
