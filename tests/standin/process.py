"""The stand-in as a child process, driven from synchronous code through its admin port.

Used by `make demo`, the benchmarks and tests of whole processes; only the standard library.
"""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

REPOSITORY = Path(__file__).resolve().parents[2]


class StandInProcess:
    """Starts on entering, ends on leaving, and ends by itself when its parent dies.

    `call("post", "fault", kind="cut", on=["cdn"], after_bytes=1000)` reaches every call that
    admin.py lists; the common ones have methods.
    """

    def __init__(self, root: Path, *arguments: str, tls: bool = False) -> None:
        self.root = root
        self._command = [sys.executable, "-m", "tests.standin", "--until-eof"]
        self._command += ["--root", str(root), *arguments, *(["--tls"] if tls else [])]
        self._process: subprocess.Popen[str] | None = None
        self.hub_url = self.cdn_url = self.cas_url = self.admin_url = ""
        self.web_url = ""
        self.ca_file: str | None = None

    def start(self) -> None:
        """Start the process and learn its URLs."""
        self._process = subprocess.Popen(
            self._command,
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the stand-in ended with {self._process.wait()}")
        urls = json.loads(line)
        self.hub_url, self.cdn_url, self.admin_url = urls["hub"], urls["cdn"], urls["admin"]
        self.cas_url, self.web_url, self.ca_file = urls["cas"], urls["web"], urls["ca"]

    def stop(self) -> None:
        """End the process."""
        if self._process is None:
            return
        self._process.terminate()
        self._process.wait(timeout=60)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def call(self, method: str, action: str, /, **values: Any) -> Any:
        """One call of the admin API; its error is a ValueError."""
        url, data = f"{self.admin_url}/{action}", None
        if method == "get":
            url += f"?{urlencode(values)}"
        else:
            data = json.dumps(values).encode()
        request = urllib.request.Request(url, data=data, method=method.upper())
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=600) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise ValueError(error.read().decode()) from error

    def create(self, repo_id: str, files: dict[str, Any], **options: Any) -> dict[str, Any]:
        """Serve a repository (fixtures.files_from_spec); returns commit, sizes and sha256."""
        made: dict[str, Any] = self.call("post", "repo", id=repo_id, files=files, **options)
        return made

    def counters(self) -> dict[str, Any]:
        """Totals since the last reset (Counters.summary)."""
        totals: dict[str, Any] = self.call("get", "counters")
        return totals

    def bytes_of(self, name: str) -> int:
        """Bytes sent of the object with this digest or `org/name/path`."""
        return int(self.call("get", "bytes", name=name))

    def reset(self) -> None:
        """Count from nought."""
        self.call("post", "reset")

    def fault(self, kind: str, **options: Any) -> int:
        """Set a fault (faults.Fault); returns its place in the list of `GET /faults`."""
        return int(self.call("post", "fault", kind=kind, **options))
