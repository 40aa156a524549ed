"""A process that mounts the file system in memory: ``python -m … MOUNTPOINT``.

It tells "ready" on its output, serves until it is unmounted, and takes commands on its input:
"back SIZE" prints a descriptor to be used as user.backing, "seen" the requests that came, "hurry"
lets slow ones end, "swap" replaces the server by a new one on the same descriptor.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

from dffs.fuse.init import InitOptions
from dffs.fuse.mount import MountOptions, mount
from dffs.fuse.passthrough import Backings
from dffs.fuse.server import Server, make_interruptible
from tests.component.dffs_fuse.memory_fs import MemoryFs


class _Process:
    def __init__(self, point: Path) -> None:
        self.fs = MemoryFs()
        self.swapping = threading.Lock()
        self.server = Server(mount(point, MountOptions(source="memory")), self.fs)
        self.agreed = self.server.initialize(InitOptions())
        self.fs.server = self.server
        self.fs.backings = Backings(self.server.device, enabled=self.agreed.passthrough)
        self.server.start()

    def obey(self, command: str, *arguments: str) -> str:
        if command == "back":
            fd = os.memfd_create("backing")
            os.write(fd, os.urandom(1 << 16) * (int(arguments[0]) >> 16))
            return str(fd)
        if command == "file":
            return str(os.open(arguments[0], os.O_RDONLY))
        if command == "passthrough":
            assert self.fs.backings is not None
            return f"{self.fs.backings.enabled} {self.fs.backings.refused}"
        if command == "seen":
            return " ".join(map(str, self.fs.seen))
        if command == "hurry":
            self.fs.slow.set()
            return "hurried"
        if command == "swap":
            with self.swapping:
                self.server.stop()
                assert self.server.threads == 0
                self.server = self.fs.server = Server(self.server.device, self.fs)
                self.server.resume(self.agreed)
                self.server.start()
            return "swapped"
        raise ValueError(command)

    def listen(self) -> None:
        for line in sys.stdin:
            print(self.obey(*line.split()), flush=True)


def main() -> None:
    make_interruptible()
    process = _Process(Path(sys.argv[1]))
    threading.Thread(target=process.listen, daemon=True).start()
    print("ready", flush=True)
    while True:
        server = process.server
        server.wait()
        with process.swapping:
            if server is process.server:
                break
    os._exit(0)


if __name__ == "__main__":
    main()
