"""Scheduler messages to and from our own types: candidate parents in, finished pieces out. Pure."""

from __future__ import annotations

from dfcore.errors import MeganeuraError, OriginRefused, Unavailable
from dfcore.pieces import Geometry
from dfdaemon.task.events import ParentAddress
from dfinfra.pb import common_pb2, errordetails_pb2, scheduler_pb2

OUR_PLATFORM = "meganeura/"
"""How a host's build says that it trades units over our own channel."""

SEED_TYPES = (1, 2, 3)
_TRAFFIC = {
    "origin": common_pb2.TrafficType.BACK_TO_SOURCE,
    "seed": common_pb2.TrafficType.REMOTE_PEER,
    "peer": common_pb2.TrafficType.REMOTE_PEER,
}


def candidates(response: scheduler_pb2.NormalTaskResponse) -> tuple[ParentAddress, ...]:
    return tuple(_address(peer) for peer in response.candidate_parents)


def is_ours(host: common_pb2.Host) -> bool:
    """The host trades units over our own channel."""
    return host.build.platform.startswith(OUR_PLATFORM)


def seed_address(host: common_pb2.Host) -> ParentAddress:
    """A seed of ours that nobody has named for a task yet."""
    return _at(host, host.id)


def _address(peer: common_pb2.Peer) -> ParentAddress:
    return _at(peer.host, peer.id)


def _at(host: common_pb2.Host, peer_id: str) -> ParentAddress:
    return ParentAddress(
        peer_id=peer_id,
        host_id=host.id,
        ip=host.ip,
        port=host.download_port,
        seed=host.type in SEED_TYPES,
        ours=is_ours(host),
        rpc_port=host.port,
    )


def origin_failed(error: MeganeuraError) -> scheduler_pb2.AnnouncePeerRequest:
    """What the origin did to this host; status 0 says that it could not be reached."""
    reached = isinstance(error, OriginRefused | Unavailable)
    backend = errordetails_pb2.Backend(
        message=error.code, status_code=error.http_status if reached else 0
    )
    return scheduler_pb2.AnnouncePeerRequest(
        download_piece_back_to_source_failed_request=(
            scheduler_pb2.DownloadPieceBackToSourceFailedRequest(backend=backend)
        )
    )


def piece_finished(piece: int, geometry: Geometry, parent_id: str, source: str) -> common_pb2.Piece:
    span = geometry.piece_range(piece)
    message = common_pb2.Piece(
        number=piece, offset=span.start, length=span.size, traffic_type=_TRAFFIC[source]
    )
    if parent_id:
        message.parent_id = parent_id
    message.cost.SetInParent()
    message.created_at.GetCurrentTime()
    return message
