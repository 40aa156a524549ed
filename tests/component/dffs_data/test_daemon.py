"""The node's daemon as a source of files: what holds when a reader, or the daemon, goes early."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest

from dffs.cache.daemon import PLACE_HEADER, DaemonFile, DaemonSwarm
from dfinfra.pb import common_pb2, dfdaemon_pb2_grpc
from dfinfra.pb import dfdaemon_pb2 as pb
from tests.cluster.bed import wait_until

CONTENT = "sha256:" + "ab" * 32
DATA = bytes(range(256)) * 16
PIECE = len(DATA) // 4
WAIT_S = 30.0


class Daemon(dfdaemon_pb2_grpc.DfdaemonDownloadServicer):
    """Tells of some pieces of one file, then waits until it may check the whole or has to fail."""

    def __init__(self, file: Path, pieces: int) -> None:
        self.file = file
        self.pieces = pieces
        self.go_on = threading.Event()
        self.fails = False
        self.ended = threading.Event()

    def DownloadTask(self, request: Any, context: Any) -> Iterator[pb.DownloadTaskResponse]:
        context.add_callback(self.ended.set)
        started = pb.DownloadTaskStartedResponse(
            content_length=len(DATA), response_header={PLACE_HEADER: str(self.file)}
        )
        yield pb.DownloadTaskResponse(download_task_started_response=started)
        for number in range(self.pieces):
            piece = common_pb2.Piece(number=number, offset=number * PIECE, length=PIECE)
            finished = pb.DownloadPieceFinishedResponse(piece=piece)
            yield pb.DownloadTaskResponse(download_piece_finished_response=finished)
        assert self.go_on.wait(WAIT_S)
        if self.fails:
            context.abort(grpc.StatusCode.UNAVAILABLE, "killed")


@pytest.fixture
def daemon(tmp_path: Path) -> Daemon:
    file = tmp_path / "blob"
    file.write_bytes(DATA)
    return Daemon(file, pieces=4)


@pytest.fixture
def swarm(daemon: Daemon) -> Iterator[DaemonSwarm]:
    server = grpc.server(ThreadPoolExecutor(4))
    dfdaemon_pb2_grpc.add_DfdaemonDownloadServicer_to_server(daemon, server)
    with tempfile.TemporaryDirectory(prefix="dffs") as folder:
        socket = Path(folder) / "d.sock"
        server.add_insecure_port(f"unix:{socket}")
        server.start()
        made = DaemonSwarm(socket, "volume", public=True)
        yield made
        made.close()
        daemon.go_on.set()
        server.stop(grace=0).wait()


def opened(swarm: DaemonSwarm) -> DaemonFile:
    file = swarm.open(CONTENT, len(DATA))
    assert file is not None
    return file


def read(file: DaemonFile, offset: int, size: int) -> bytes | None:
    buffer = bytearray(size)
    return bytes(buffer) if file.read_into(offset, memoryview(buffer)) else None


def test_a_reader_that_goes_before_the_check_leaves_the_file_known(
    swarm: DaemonSwarm, daemon: Daemon
) -> None:
    first = opened(swarm)
    assert read(first, 0, len(DATA)) == DATA
    assert first.complete_fd() is None
    first.close()
    daemon.go_on.set()
    wait_until(lambda: opened(swarm).complete_fd() is not None, "the daemon's file is known")


def test_a_reader_that_goes_in_the_middle_ends_its_call(swarm: DaemonSwarm, daemon: Daemon) -> None:
    daemon.pieces = 2
    first = opened(swarm)
    assert read(first, 0, PIECE) == DATA[:PIECE]
    first.close()
    assert daemon.ended.wait(WAIT_S)
    assert opened(swarm).complete_fd() is None


def test_what_was_told_is_read_though_the_daemon_fails(swarm: DaemonSwarm, daemon: Daemon) -> None:
    daemon.pieces, daemon.fails = 2, True
    file = opened(swarm)
    assert read(file, 0, 2 * PIECE) == DATA[: 2 * PIECE]
    daemon.go_on.set()
    wait_until(lambda: file.failed, "the call has failed")
    assert read(file, PIECE, PIECE) == DATA[PIECE : 2 * PIECE]
    assert read(file, 2 * PIECE, PIECE) is None
    file.close()
