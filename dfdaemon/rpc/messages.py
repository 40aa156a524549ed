"""Blobs as ``dfdaemon.v2`` and ``common.v2`` messages. Pure."""

from __future__ import annotations

from blobstore.blob import Blob
from blobstore.model import BlobInfo
from dfcore.bitmap import Bitmap
from dfcore.pieces import Geometry
from dfinfra.pb import common_pb2, dfdaemon_pb2


def whole_pieces(held: Bitmap, geometry: Geometry) -> list[int]:
    """The pieces whose every unit is held."""
    bits = held.bits
    return [
        piece
        for piece in range(geometry.piece_count)
        if _has_all(bits, geometry.units_of_piece(piece))
    ]


def _has_all(bits: int, units: range) -> bool:
    mask = ((1 << len(units)) - 1) << units.start
    return bits & mask == mask


def piece_message(piece: int, geometry: Geometry) -> common_pb2.Piece:
    span = geometry.piece_range(piece)
    message = common_pb2.Piece(number=piece, offset=span.start, length=span.size)
    message.cost.SetInParent()
    message.created_at.GetCurrentTime()
    return message


def task_message(task_id: str, blob: Blob) -> common_pb2.Task:
    """A task as StatTask tells it. Request headers are not kept, so none are told."""
    pieces = whole_pieces(blob.held, blob.geometry)
    message = common_pb2.Task(
        id=task_id,
        url=blob.meta.url,
        content_length=blob.geometry.size_bytes,
        piece_count=blob.geometry.piece_count,
        pieces=[piece_message(piece, blob.geometry) for piece in pieces],
        state="Succeeded" if blob.complete else "Running",
        has_available_peer=bool(pieces) or blob.complete,
    )
    if blob.meta.digest and not blob.meta.digest.startswith("git-sha1:"):
        message.digest = blob.meta.digest
    if blob.meta.tag:
        message.tag = blob.meta.tag
    if blob.meta.application:
        message.application = blob.meta.application
    message.created_at.SetInParent()
    message.updated_at.SetInParent()
    return message


def local_task(info: BlobInfo) -> dfdaemon_pb2.StatLocalTaskResponse:
    """A task of a listing."""
    message = dfdaemon_pb2.StatLocalTaskResponse(
        task_id=info.blob_id, content_length=info.size_bytes
    )
    message.created_at.FromMilliseconds(int(info.created * 1000))
    message.updated_at.FromMilliseconds(int(info.last_used * 1000))
    if info.complete:
        message.finished_at.FromMilliseconds(int(info.last_used * 1000))
    if info.url:
        message.response_header["x-meganeura-url"] = info.url
    return message


def stat_local(
    task_id: str, blob: Blob, info: BlobInfo | None
) -> dfdaemon_pb2.StatLocalTaskResponse:
    """All that is told of one task."""
    message = dfdaemon_pb2.StatLocalTaskResponse() if info is None else local_task(info)
    message.task_id = task_id
    message.content_length = blob.geometry.size_bytes
    message.piece_length = blob.geometry.piece_length
    kept = {name.lower(): value for name, value in blob.meta.response_headers}
    validator = blob.meta.validator or ""
    if validator.startswith(('"', "W/")):
        kept.setdefault("etag", validator)
    message.response_header.update(kept)
    return message
