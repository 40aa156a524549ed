"""Who is not of the cluster, or may not read, gets no byte of a restricted blob from any host."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest

from dfcore import ids
from dfdaemon.vortex import pieces
from dfdaemon.vortex.units import Absent, AbsentCode, GetAny, GetUnit
from dfdaemon.vortex.wire import HEADER_SIZE, Tag, pack, parse_header
from dfinfra.authority import create_ca, issue
from dfinfra.pb import dfdaemon_pb2, dfdaemon_pb2_grpc, meganeura_pb2
from dfinfra.tls import client_context
from tests.cluster.bed import MIB, Bed, Blob, started, watch
from tests.e2e.secrets import READER, STRANGER
from tests.swarm.swarm import Host

pytestmark = pytest.mark.cluster

SIZE = 8 * MIB
TOKEN = {"Authorization": f"Bearer {READER}"}


@pytest.fixture(scope="module")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    """Two nodes of the cluster, and one that has no certificate of it."""
    outsider = {"security": {"dir": None}}
    folder = tmp_path_factory.mktemp("rights")
    with started(folder, nodes=3, node=[{}, {}, outsider]) as bed:
        yield bed


@pytest.fixture(autouse=True)
def _watched(request: pytest.FixtureRequest, bed: Bed) -> None:
    watch(request, bed)


@pytest.fixture(scope="module")
def secret(bed: Bed) -> Blob:
    """A blob of a private repository that the nodes of the cluster hold."""
    blob = bed.blob(SIZE, private=True)
    for node in bed.swarm.nodes[:2]:
        assert blob.is_whole(bed.read(node, blob, headers=TOKEN).result())
    assert bed.origin_bytes(blob) <= SIZE * 1.01
    return blob


def task_of(blob: Blob) -> str:
    return ids.task_id_by_content(f"sha256:{blob.sha256}")


def test_a_stranger_gets_nothing_though_the_node_holds_it(bed: Bed, secret: Blob) -> None:
    for node in bed.swarm.nodes:
        for headers in ({}, {"Authorization": f"Bearer {STRANGER}"}):
            told = bed.read(node, secret, headers=headers).result()
            assert told.status in (401, 403, 404)
            assert told.size_bytes < 1000


def test_a_host_without_a_certificate_gets_restricted_bytes_from_the_origin_alone(
    bed: Bed, secret: Blob
) -> None:
    outsider = bed.swarm.nodes[2]
    bed.standin.reset()
    assert secret.is_whole(bed.read(outsider, secret, headers=TOKEN).result())
    traffic = outsider.figures().traffic
    assert (traffic.seed, traffic.peer, traffic.origin) == (0, 0, SIZE)
    assert bed.origin_bytes(secret) <= SIZE * 1.01
    # Nor does it give them to anybody.
    assert answer(outsider, GetUnit(task_of(secret), 0, "me").pack()) == AbsentCode.RESTRICTED


def answer(host: Host, packet: bytes, context: ssl.SSLContext | None = None) -> int:
    """Ask for a unit: the code of the refusal, -1 if units come."""
    with connected(host, context) as sock:
        sock.sendall(packet)
        header = parse_header(exactly(sock, HEADER_SIZE), longest=1 << 20)
        return Absent.parse(exactly(sock, header.length)).code if header.tag == Tag.ABSENT else -1


def exactly(sock: socket.socket, size: int) -> bytes:
    """The next bytes; a connection that ends instead is an OSError."""
    data = b""
    while len(data) < size:
        part = sock.recv(size - len(data))
        if not part:
            raise ConnectionResetError("the host hung up")
        data += part
    return data


@contextmanager
def connected(host: Host, context: ssl.SSLContext | None = None) -> Iterator[socket.socket]:
    with socket.create_connection(host.vortex_address, timeout=5) as sock:
        if context is None:
            yield sock
        else:
            with context.wrap_socket(sock, server_hostname=host.vortex_address[0]) as secured:
                yield secured


def test_restricted_units_are_refused_on_a_clear_connection(bed: Bed, secret: Blob) -> None:
    task, public = task_of(secret), bed.blob(SIZE)
    assert public.is_whole(bed.read(bed.swarm.nodes[0], public).result())
    wanted = bytes([0xFF] * 2)
    for host in (bed.swarm.seed, bed.swarm.nodes[0]):
        assert answer(host, GetUnit(task, 0, "me").pack()) == AbsentCode.RESTRICTED
        assert answer(host, GetAny(task, "me", wanted).pack()) == AbsentCode.RESTRICTED
        assert answer(host, GetUnit(task_of(public), 0, "me").pack()) == -1


def test_restricted_pieces_are_no_plain_peers_business(bed: Bed, secret: Blob) -> None:
    for host in (bed.swarm.seed, bed.swarm.nodes[0]):
        with connected(host) as sock:
            sock.sendall(pieces.DownloadPiece(task_of(secret), 0).pack(packet_id=1))
            header = parse_header(exactly(sock, HEADER_SIZE), longest=1 << 20)
            assert header.tag == Tag.ERROR
        request = dfdaemon_pb2.SyncPiecesRequest(
            host_id="me", task_id=task_of(secret), interested_piece_numbers=[0]
        )
        with grpc.insecure_channel(host.rpc_address) as channel:
            stub = dfdaemon_pb2_grpc.DfdaemonUploadStub(channel)
            with pytest.raises(grpc.RpcError) as refused:
                list(stub.SyncPieces(request, timeout=5))
        assert refused.value.code() in (
            grpc.StatusCode.PERMISSION_DENIED,
            grpc.StatusCode.NOT_FOUND,
        )


def test_whoever_has_no_certificate_of_the_cluster_cannot_connect_over_tls(
    bed: Bed, secret: Blob, tmp_path: Path
) -> None:
    node = bed.swarm.nodes[0]
    without = ssl.create_default_context(cafile=str(bed.swarm.folder / "ca" / "ca.crt"))
    without.check_hostname = False
    foreign = issue(create_ca(tmp_path / "ca"), tmp_path / "me", "host", ips=["127.0.0.1"])
    with_another = client_context(foreign)
    with_another.check_hostname = False
    with_another.verify_mode = ssl.CERT_NONE
    packet = GetUnit(task_of(secret), 0, "me").pack()
    for context in (without, with_another):
        with pytest.raises((ssl.SSLError, OSError)):
            answer(node, packet, context)
    member = client_context(
        issue(create_ca(bed.swarm.folder / "ca"), tmp_path / "member", "host", ips=["127.0.0.1"])
    )
    assert answer(node, packet, member) == -1


def test_control_channels_are_not_taken_in_the_clear(bed: Bed, secret: Blob) -> None:
    hello = meganeura_pb2.Hello(host_id="me", ip="127.0.0.1", port=1, version=1)
    with connected(bed.swarm.seed) as sock:
        sock.sendall(pack(Tag.CONTROL_HELLO, hello.SerializeToString()))
        header = parse_header(exactly(sock, HEADER_SIZE), longest=1 << 20)
        assert header.tag == Tag.ERROR
