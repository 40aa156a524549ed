"""Messages of plain and own daemons become events here, or are refused with one line.

The rules are those of Dragonfly's validators (dragonflyoss/api, pkg/apis/*/v2/*.proto). This is also
where secrets end: request headers, tokens, object-store keys, and user info, query and fragment of
URLs are read for nothing but the question whether there are any, and never reach the core.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from dfcore.errors import BadInput
from dfcore.ids import is_signed
from dfinfra.pb import common_pb2, meganeura_pb2, scheduler_pb2
from scheduler import events as ev

OWN_PLATFORM: Final = "meganeura/"
"""How `Host.build.platform` of one of our own nodes begins."""

_DIGEST = re.compile(r"(?:md5|sha1|sha256|sha512|blake3|crc32):[a-fA-F0-9]+")
_SECRET_HEADER = re.compile(r"authorization|cookie|token|secret|api-?key|signature", re.IGNORECASE)
_MIN_PIECE_LENGTH, _MAX_PIECE_LENGTH = 4 << 20, 64 << 20
_MIN_PORT, _MAX_PORT = 1024, 65534
_MAX_HOST_TYPE = 3


def host_announced(request: scheduler_pb2.AnnounceHostRequest) -> ev.HostAnnounced:
    """Check an AnnounceHost."""
    host = request.host
    _required(host.id, "host.id")
    _required(host.hostname, "host.hostname")
    if host.type > _MAX_HOST_TYPE:
        raise BadInput(f"host.type {host.type}: must be 0 (normal) to {_MAX_HOST_TYPE}")
    _check_ip(host.ip, "host.ip")
    _check_port(host.port, "host.port")
    _check_port(host.download_port, "host.download_port")
    interval_s = request.interval.seconds + request.interval.nanos / 1e9
    if request.HasField("interval") and interval_s <= 0:
        raise BadInput(f"interval {interval_s:g} s: must be above 0")
    announced = common_pb2.Host()
    announced.CopyFrom(host)
    info = ev.HostInfo(
        id=host.id,
        ip=host.ip,
        port=host.port,
        hostname=host.hostname,
        seed=host.type != 0,
        own=host.build.platform.startswith(OWN_PLATFORM),
        disable_shared=host.disable_shared,
        idc=host.network.idc,
        location=host.network.location,
        tx_bps=host.network.tx_bandwidth,
        max_tx_bps=host.network.max_tx_bandwidth,
        announced=announced,
    )
    return ev.HostAnnounced(info, interval_s or None)


def blobs_announced(request: meganeura_pb2.AnnounceBlobsRequest) -> ev.BlobsAnnounced:
    """Check an AnnounceBlobs."""
    _required(request.host_id, "host_id")
    for blob in request.blobs:
        _required(blob.task_id, "blobs.task_id")
        _required(blob.peer_id, "blobs.peer_id")
    return ev.BlobsAnnounced(
        request.host_id,
        tuple(
            ev.HeldBlob(
                blob.task_id, blob.peer_id, blob.size_bytes, blob.complete, public_url(blob.url)
            )
            for blob in request.blobs
        ),
        request.replace,
        request.more,
    )


def check_ids(request: scheduler_pb2.AnnouncePeerRequest) -> None:
    """Refuse a message that does not say whose it is."""
    _required(request.host_id, "host_id")
    _required(request.task_id, "task_id")
    _required(request.peer_id, "peer_id")


def peer_event(request: scheduler_pb2.AnnouncePeerRequest) -> ev.Event:
    """Check one message of an AnnouncePeer stream."""
    check_ids(request)
    peer_id = request.peer_id
    match request.WhichOneof("request"):
        case "register_peer_request":
            wish = wish_of(request.register_peer_request.download)
            return ev.PeerRegistered(request.host_id, request.task_id, peer_id, wish)
        case "download_peer_started_request":
            return ev.PeerStarted(peer_id)
        case "download_peer_back_to_source_started_request":
            return ev.PeerStarted(peer_id, back_to_source=True)
        case "reschedule_peer_request":
            return _rescheduled(peer_id, request.reschedule_peer_request)
        case "download_peer_finished_request":
            return ev.PeerFinished(peer_id)
        case "download_peer_back_to_source_finished_request":
            return ev.PeerFinished(peer_id, back_to_source=True)
        case "download_peer_failed_request":
            return ev.PeerFailed(peer_id)
        case "download_peer_back_to_source_failed_request":
            return ev.PeerFailed(peer_id, back_to_source=True)
        case "download_piece_finished_request":
            piece = request.download_piece_finished_request.piece
            return _piece_finished(peer_id, piece, back_to_source=False)
        case "download_piece_back_to_source_finished_request":
            piece = request.download_piece_back_to_source_finished_request.piece
            return _piece_finished(peer_id, piece, back_to_source=True)
        case "download_piece_failed_request":
            failed = request.download_piece_failed_request
            _required(failed.parent_id, "download_piece_failed_request.parent_id")
            return ev.PieceFailed(peer_id, failed.parent_id, failed.temporary)
        case "download_piece_back_to_source_failed_request":
            refused = request.download_piece_back_to_source_failed_request
            return ev.OriginRefusedPiece(peer_id, refused.backend.status_code)
        case _:
            raise BadInput("request: one of its kinds must be set")


def wish_of(download: common_pb2.Download) -> ev.Wish:
    """The part of a Download that may be known here."""
    user_info = _check_url(download.url)
    if download.HasField("digest"):
        _check_digest(download.digest, "download.digest")
    if download.type not in common_pb2.TaskType.values():
        raise BadInput(f"download.type {download.type}: is not a type of task")
    if download.type != common_pb2.TaskType.STANDARD:
        raise BadInput("download.type: only standard tasks are scheduled here")
    if download.priority not in common_pb2.Priority.values():
        raise BadInput(f"download.priority {download.priority}: must be LEVEL0 to LEVEL6")
    if download.HasField("piece_length") and not (
        _MIN_PIECE_LENGTH <= download.piece_length <= _MAX_PIECE_LENGTH
    ):
        raise BadInput(
            f"download.piece_length {download.piece_length}: must be from "
            f"{_MIN_PIECE_LENGTH} to {_MAX_PIECE_LENGTH}"
        )
    if download.HasField("output_path"):
        _required(download.output_path, "download.output_path")
    if download.HasField("remote_ip"):
        _check_ip(download.remote_ip, "download.remote_ip")
    ranged = download.HasField("range")
    size_known = download.HasField("actual_content_length") and not ranged
    return ev.Wish(
        url=public_url(download.url),
        digest=download.digest,
        tag=download.tag,
        application=download.application,
        priority=download.priority,
        size_bytes=download.actual_content_length if size_known else None,
        piece_length=download.actual_piece_length or download.piece_length,
        piece_count=download.actual_piece_count,
        ranged=ranged,
        disable_back_to_source=download.disable_back_to_source,
        need_back_to_source=download.need_back_to_source,
        metadata_only=download.metadata_only,
        # What is signed travels among our own hosts only: a seed would fetch it for nobody.
        credentialed=user_info or is_signed(download.url) or carries_credentials(download),
    )


def carries_credentials(download: common_pb2.Download) -> bool:
    """Whether anything but the URL could open a door that is closed to others."""
    return (
        any(_SECRET_HEADER.search(name) for name in download.request_header)
        or bool(download.hugging_face.token)
        or bool(download.model_scope.token)
        or download.HasField("object_storage")
        or download.HasField("hdfs")
    )


def for_seed(download: common_pb2.Download) -> common_pb2.Download:
    """What a seed is asked to fetch for a plain peer: the same task, without headers and secrets.

    The query of the URL stays, for it may name the content. The copy lives in the peer's open
    stream until the seed was asked, and nowhere else.
    """
    copy = common_pb2.Download()
    copy.CopyFrom(download)
    copy.ClearField("request_header")
    copy.ClearField("object_storage")
    copy.ClearField("hdfs")
    if copy.HasField("hugging_face"):
        copy.hugging_face.ClearField("token")
    if copy.HasField("model_scope"):
        copy.model_scope.ClearField("token")
    for field in ("output_path", "remote_ip", "force_hard_link", "overwrite", "need_piece_content"):
        copy.ClearField(field)
    copy.need_back_to_source = True
    return copy


def public_url(url: str) -> str:
    """The URL without user info, query and fragment; empty if it is none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _check_url(url: str) -> bool:
    """Refuse what is no URI; True if it carries user info. The URL itself is not repeated."""
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if not parts.scheme or not (parts.netloc or parts.path):
        raise BadInput("download.url: must be an absolute URL")
    return "@" in parts.netloc


def _rescheduled(peer_id: str, request: scheduler_pb2.ReschedulePeerRequest) -> ev.PeerRescheduled:
    bad = tuple(
        ev.BadParent(peer.id, peer.host.id, peer.host.ip) for peer in request.candidate_parents
    )
    return ev.PeerRescheduled(peer_id, bad)


def _piece_finished(
    peer_id: str, piece: common_pb2.Piece, *, back_to_source: bool
) -> ev.PieceFinished:
    if piece.digest:
        _check_digest(piece.digest, "piece.digest")
    if piece.HasField("parent_id"):
        _required(piece.parent_id, "piece.parent_id")
    for field in ("cost", "created_at"):
        if not piece.HasField(field):
            raise BadInput(f"piece.{field}: is missing")
    cost_s = piece.cost.seconds + piece.cost.nanos / 1e9
    return ev.PieceFinished(
        peer_id, piece.length, cost_s, piece.parent_id, back_to_source, piece.number
    )


def _required(text: str, name: str) -> None:
    if not text:
        raise BadInput(f"{name}: must not be empty")


def _check_digest(digest: str, name: str) -> None:
    if not _DIGEST.fullmatch(digest):
        raise BadInput(f"{name} {digest[:100]!r}: must be <algorithm>:<hexadecimal>")


def _check_ip(ip: str, name: str) -> None:
    try:
        ipaddress.ip_address(ip)
    except ValueError:
        raise BadInput(f"{name} {ip[:100]!r}: must be an IP address") from None


def _check_port(port: int, name: str) -> None:
    if not _MIN_PORT <= port <= _MAX_PORT:
        raise BadInput(f"{name} {port}: must be from {_MIN_PORT} to {_MAX_PORT}")
