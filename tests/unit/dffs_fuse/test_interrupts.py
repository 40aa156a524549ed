from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

from dffs.fuse.interrupts import Watch, is_dying
from dffs.fuse.operations import Request


def test_who_lives_is_not_dying_and_who_is_gone_is() -> None:
    assert not is_dying(os.getpid())
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    assert is_dying(gone.pid)


def test_a_blocked_signal_ends_nothing_until_it_kills() -> None:
    code = (
        "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM]);"
        "print('blocks', flush=True); signal.pause()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as blocks:
        assert blocks.stdout is not None
        blocks.stdout.readline()
        blocks.send_signal(signal.SIGTERM)
        assert not is_dying(blocks.pid)
        blocks.kill()


def test_an_interrupted_request_is_let_go_when_its_process_is_gone() -> None:
    in_flight = {8: Request(3, 8, 1, 0, 0, 2**22 + 5), 9: Request(3, 9, 1, 0, 0, os.getpid())}
    gone = threading.Event()
    let_go: list[int] = []

    def end(request: Request) -> None:
        let_go.append(request.unique)
        del in_flight[request.unique]
        gone.set()

    watch = Watch(in_flight, end)
    watch.interrupted(7)  # answered meanwhile
    watch.interrupted(9)
    watch.interrupted(8)
    assert gone.wait(10)
    del in_flight[9]
    assert let_go == [8]
