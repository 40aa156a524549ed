"""One class per kind of server: start, stop, kill, start again with the same data and port.

Every process is ended by its own id. The data are in `folder`; servers that refuse to run as root
run as `nobody`.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import ClassVar, Self

import psutil

from tests.servers import programs
from tests.swarm.ports import free_port

START_S = 60.0


class ServerMissing(Exception):  # noqa: N818
    """A program is not installed."""


def program(name: str) -> str:
    """The program's path; ServerMissing when it is not installed."""
    path = programs.find(name)
    if path is None:
        raise ServerMissing(f"{name} is not installed (tests/servers/install)")
    return str(path)


class Server:
    """A server process on a free port of 127.0.0.1."""

    kind: ClassVar[str]
    unprivileged: ClassVar[bool] = False
    grace_s: ClassVar[float] = 20.0

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """How a client reaches it."""
        raise NotImplementedError

    def command(self) -> list[str]:
        """The command line."""
        raise NotImplementedError

    def prepare(self) -> None:
        """Make the data, once."""

    def is_ready(self) -> bool:
        """Whether it answers."""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def start(self) -> Self:
        """Start it and wait until it answers."""
        if not (self.folder / "prepared").exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            if self.unprivileged and os.geteuid() == 0:
                shutil.chown(self.folder, "nobody", "nogroup")
            self.prepare()
            self._start_on_a_free_port()
        else:
            self._start_once()
        return self

    def _start_on_a_free_port(self) -> None:
        """The first start: somebody else may have taken the port since it was free."""
        for last in (False, False, True):
            try:
                self._start_once()
                break
            except RuntimeError:
                if last:
                    raise
                self.port = free_port()
        (self.folder / "prepared").touch()

    def _start_once(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, **self.user()
            )
        try:
            self._wait(self._process)
        except BaseException:
            self.stop()
            raise

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_S
        while not self.is_ready():
            if process.poll() is not None or time.monotonic() > deadline:
                tail = (self.folder / "log").read_bytes()[-2000:].decode(errors="replace")
                raise RuntimeError(f"{self.kind} did not start: {tail}")
            time.sleep(0.05)

    def user(self) -> dict[str, object]:
        """Arguments of Popen that give up root where the server demands it."""
        if not self.unprivileged or os.geteuid() != 0:
            return {}
        return {"user": "nobody", "group": "nogroup", "extra_groups": [], "cwd": str(self.folder)}

    def stop(self) -> None:
        """End it in an orderly way."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout=self.grace_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
        self.clean_up()

    def kill(self) -> None:
        """End it as a crash would."""
        if self._process is not None:
            # PostgreSQL's other processes end by themselves; before that it would not start again.
            children = psutil.Process(self._process.pid).children(recursive=True)
            self._process.kill()
            self._process.wait()
            psutil.wait_procs(children, timeout=self.grace_s)
            self._process = None
            self.clean_up()

    def clean_up(self) -> None:
        """Remove what it leaves outside of its folder."""

    @property
    def pid(self) -> int:
        """The process's id."""
        assert self._process is not None
        return self._process.pid

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


class Redis(Server):
    """redis-server; `durable` writes every command to disk before it is answered."""

    kind = "redis"

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        super().__init__(folder)
        self.durable = durable

    @property
    def url(self) -> str:
        """Database 0."""
        return f"redis://127.0.0.1:{self.port}/0"

    def command(self) -> list[str]:
        """Without snapshots."""
        persistence = ["--appendonly", "yes", "--appendfsync", "always"] if self.durable else []
        return [
            *(program("redis-server"), "--port", str(self.port), "--bind", "127.0.0.1"),
            *("--dir", str(self.folder), "--save", "", "--databases", "4096", *persistence),
        ]


class Postgres(Server):
    """PostgreSQL with one superuser that needs no password."""

    kind = "postgresql"
    unprivileged = True

    @property
    def url(self) -> str:
        """The maintenance database."""
        return f"postgresql://dffs@127.0.0.1:{self.port}/postgres"

    def prepare(self) -> None:
        """Run initdb."""
        subprocess.run(
            [program("initdb"), "-D", str(self.folder / "data"), "-U", "dffs", "-A", "trust", "-N"],
            check=True,
            capture_output=True,
            **self.user(),  # type: ignore[call-overload]
        )

    def command(self) -> list[str]:
        """Without fsync: the tests kill processes, they do not cut the power."""
        return [
            *(program("postgres"), "-D", str(self.folder / "data"), "-p", str(self.port)),
            *("-c", "listen_addresses=127.0.0.1", "-k", str(self.folder), "-F"),
            *("-c", "max_connections=200", "-c", "shared_buffers=64MB"),
        ]

    def is_ready(self) -> bool:
        """Whether it takes sessions."""
        import psycopg

        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(self.url, connect_timeout=2).close()
            return True
        return False


class MariaDB(Server):
    """MariaDB with a user `dffs` that needs no password, and a database `dffs`."""

    kind = "mysql"
    unprivileged = True

    @property
    def url(self) -> str:
        """The database `dffs`."""
        return f"mysql://dffs@127.0.0.1:{self.port}/dffs"

    def prepare(self) -> None:
        """Run mariadb-install-db."""
        (self.folder / "init.sql").write_text(
            "CREATE USER IF NOT EXISTS 'dffs'@'127.0.0.1' IDENTIFIED BY '';\n"
            "GRANT ALL ON *.* TO 'dffs'@'127.0.0.1';\nCREATE DATABASE IF NOT EXISTS dffs;\n"
        )
        subprocess.run(
            [
                *(program("mariadb-install-db"), "--no-defaults", "--skip-test-db"),
                *(f"--datadir={self.folder}/data", "--auth-root-authentication-method=normal"),
                "--innodb-use-native-aio=0",  # many servers on one machine run out of it
            ],
            check=True,
            capture_output=True,
            **self.user(),  # type: ignore[call-overload]
        )

    def command(self) -> list[str]:
        """Small, with a log that is not forced to disk at each commit."""
        return [
            *(program("mariadbd"), "--no-defaults", f"--datadir={self.folder}/data"),
            *(f"--port={self.port}", "--bind-address=127.0.0.1", "--skip-name-resolve"),
            *(f"--socket={self.folder}/socket", f"--pid-file={self.folder}/pid"),
            *(f"--init-file={self.folder}/init.sql", "--innodb-flush-log-at-trx-commit=2"),
            *("--innodb-buffer-pool-size=64M", "--max-connections=200"),
            "--innodb-use-native-aio=0",
        ]

    def is_ready(self) -> bool:
        """Whether it takes sessions."""
        import pymysql

        with contextlib.suppress(pymysql.MySQLError):
            pymysql.connect(host="127.0.0.1", port=self.port, user="dffs", database="dffs").close()
            return True
        return False


class SeaweedFS(Server):
    """An S3 server. `access_key` and `secret_key` are fixed; buckets are made by clients."""

    kind = "s3"
    grace_s = 2.0  # it waits half a minute for its own parts
    access_key = "testaccess"
    secret_key = "testsecret"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._inner = {name: free_port() for name in _WEED_PORTS}

    @property
    def url(self) -> str:
        """The endpoint."""
        return f"http://127.0.0.1:{self.port}"

    def prepare(self) -> None:
        """Write the list of keys."""
        keys = {"accessKey": self.access_key, "secretKey": self.secret_key}
        rights = ["Admin", "Read", "Write", "List", "Tagging"]
        identities = [{"name": "tests", "credentials": [keys], "actions": rights}]
        (self.folder / "s3.json").write_text(json.dumps({"identities": identities}))

    def command(self) -> list[str]:
        """Master, volume server, filer and S3 in one process."""
        return [
            *(
                program("weed"),
                f"-logdir={self.folder}",
                "server",
                f"-dir={self.folder}",
                "-ip=127.0.0.1",
                "-ip.bind=127.0.0.1",
            ),
            *("-s3", f"-s3.port={self.port}", f"-s3.config={self.folder}/s3.json"),
            *(f"-{name}={port}" for name, port in self._inner.items()),
            *("-master.volumeSizeLimitMB=256", "-volume.max=64", "-master.telemetry=false"),
            *("-s3.port.iceberg=0", "-s3.port.lance=0"),
        ]

    def is_ready(self) -> bool:
        """Whether S3 answers and a file can be stored: the volume server comes last."""
        with contextlib.suppress(OSError):
            self._filer("/ready/probe", b"x")
            return super().is_ready()
        return False

    @property
    def filer_url(self) -> str:
        """The filer's own HTTP interface."""
        return f"http://127.0.0.1:{self._inner['filer.port']}"

    def clean_up(self) -> None:
        """Its sockets, which it puts into /tmp whatever it is told."""
        for port in (self.port, *self._inner.values()):
            for socket_file in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                socket_file.unlink(missing_ok=True)

    def create_bucket(self, name: str) -> str:
        """Make a bucket (through the filer, which asks for no signature); gives the name."""
        self._filer(f"/buckets/{name}/", b"")
        return name

    def _filer(self, path: str, body: bytes) -> None:
        request = urllib.request.Request(f"{self.filer_url}{path}", data=body, method="PUT")
        request.add_header("Content-Type", "application/octet-stream")
        with urllib.request.urlopen(request, timeout=5) as answer:
            answer.read()


_WEED_PORTS = (
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
    "s3.port.grpc",
)


KINDS: dict[str, type[Server]] = {
    server.kind: server for server in (Redis, Postgres, MariaDB, SeaweedFS)
}
