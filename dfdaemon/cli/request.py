"""An item as the Download message that the daemon understands. Pure."""

from __future__ import annotations

from pathlib import Path

from dfdaemon.cli.items import GetOptions, Item
from dfinfra.pb import common_pb2

# Past the end of anything: the daemon cuts a range to the content.
_TO_THE_END_BYTES = 1 << 62


def download_message(
    item: Item, options: GetOptions, *, output: Path | None, start: int = 0
) -> common_pb2.Download:
    """Ask for the item: placed at ``output`` by the daemon, or as content from ``start`` on."""
    download = common_pb2.Download(
        url=item.url,
        type=common_pb2.STANDARD,
        priority=common_pb2.Priority.Name(options.priority),
        filtered_query_params=item.filtered_query_params,
        request_header=dict(item.headers),
        disable_back_to_source=options.disable_back_to_source,
        overwrite=options.overwrite,
    )
    download.timeout.FromMilliseconds(int(options.timeout_s * 1000))
    if item.digest is not None:
        download.digest = str(item.digest)
    if item.content is not None:
        download.content_for_calculating_task_id = item.content
    if item.size_bytes is not None:
        download.actual_content_length = item.size_bytes
    if item.object_store:
        # Without keys, which the signed URL makes unnecessary: it tells that this is a store's.
        download.object_storage.SetInParent()
    _set_names(download, options)
    if output is not None:
        download.output_path = str(output)
        download.force_hard_link = options.force_hard_link
    else:
        download.need_piece_content = True
        if start:
            download.range.start = start
            download.range.length = _TO_THE_END_BYTES
    return download


def _set_names(download: common_pb2.Download, options: GetOptions) -> None:
    if options.tag:
        download.tag = options.tag
    if options.application:
        download.application = options.application
    if options.piece_length is not None:
        download.piece_length = options.piece_length
