"""TaskSpec to and from the wire: our own Join frames and Dragonfly's Download messages."""

from __future__ import annotations

from dfcore.digest import Digest
from dfcore.ids import blob_digest_in_url
from dfcore.pieces import Geometry
from dfdaemon.task.spec import Headers, TaskSpec
from dfinfra.pb import common_pb2, meganeura_pb2


def to_frame(spec: TaskSpec, *, with_headers: bool) -> meganeura_pb2.TaskSpec:
    """The spec as a Join carries it; the headers go along to a seed only."""
    message = meganeura_pb2.TaskSpec(
        url=spec.url if with_headers else spec.public_url,
        request_headers=dict(spec.request_headers) if with_headers else {},
        digest=str(spec.digest or ""),
        content=spec.content or "",
        tag=spec.tag,
        application=spec.application,
        filtered_query_params=spec.filtered_query_params,
        restricted=spec.restricted,
        validator=spec.validator or "",
        priority=spec.priority,
        task_id=spec.task_id,
        revision=spec.revision,
        insecure_skip_verify=spec.insecure_skip_verify,
    )
    if spec.size_bytes is not None:
        message.size_bytes = spec.size_bytes
    if spec.piece_length is not None:
        message.piece_length = spec.piece_length
    return message


def from_frame(message: meganeura_pb2.TaskSpec) -> TaskSpec:
    """The spec that a child sent us with its Join."""
    return TaskSpec(
        url=message.url,
        request_headers=Headers(message.request_headers),
        digest=Digest.parse(message.digest) if message.digest else None,
        size_bytes=message.size_bytes if message.HasField("size_bytes") else None,
        content=message.content or None,
        tag=message.tag,
        application=message.application,
        revision=message.revision,
        filtered_query_params=tuple(message.filtered_query_params),
        piece_length=message.piece_length if message.HasField("piece_length") else None,
        priority=message.priority,
        restricted=message.restricted,
        validator=message.validator or None,
        insecure_skip_verify=message.insecure_skip_verify,
        blob_digest_id=_is_digest_of(message.url, message.task_id),
    )


def _is_digest_of(url: str, task_id: str) -> bool:
    digest = blob_digest_in_url(url)
    return digest is not None and digest.value == task_id


def to_download(spec: TaskSpec, *, need_back_to_source: bool) -> common_pb2.Download:
    """The spec as the scheduler is told it: no headers and no signature, which may hold secrets."""
    message = common_pb2.Download(
        url=spec.shared_url,
        tag=spec.tag,
        application=spec.application,
        priority=common_pb2.Priority.Name(spec.priority),
        filtered_query_params=spec.filtered_query_params,
        disable_back_to_source=spec.disable_back_to_source,
        need_back_to_source=need_back_to_source,
        enable_task_id_based_blob_digest=spec.blob_digest_id,
    )
    if spec.digest and spec.digest.algorithm != "git-sha1":
        message.digest = str(spec.digest)
    if spec.content:
        message.content_for_calculating_task_id = spec.content
    if spec.size_bytes is not None:
        geometry = Geometry.for_size(spec.size_bytes, spec.piece_length)
        message.actual_content_length = geometry.size_bytes
        message.actual_piece_length = geometry.piece_length
        message.actual_piece_count = geometry.piece_count
    if spec.piece_length is not None:
        message.piece_length = spec.piece_length
    if spec.revision:
        message.hugging_face.revision = spec.revision
    return message


def from_download(message: common_pb2.Download) -> TaskSpec:
    """The task that a Dragonfly scheduler, dfget or peer asks for, as it stands in the message.

    ``dfdaemon/rpc/origins`` makes of it what can be fetched.
    """
    return TaskSpec(
        url=message.url,
        request_headers=Headers(message.request_header),
        digest=Digest.parse(message.digest) if message.digest else None,
        content=message.content_for_calculating_task_id or None,
        tag=message.tag,
        application=message.application,
        revision=message.hugging_face.revision if message.HasField("hugging_face") else "",
        filtered_query_params=tuple(message.filtered_query_params),
        piece_length=message.piece_length if message.HasField("piece_length") else None,
        priority=message.priority,
        restricted=any(name.lower() in SECRET_HEADERS for name in message.request_header),
        disable_back_to_source=message.disable_back_to_source,
        blob_digest_id=message.enable_task_id_based_blob_digest,
    )


SECRET_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization", "x-api-key"})
"""Headers that make the answer the requester's own: what they fetch is restricted."""
