"""What a task is about: where the bytes come from, how they are named, who may have them.

Made by the proxy, the RPC service or a peer's Join; immutable; passed down to the conductor. The
request headers may hold a requester's token: they reach the origin and the seed and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from dfcore.digest import Digest
from dfcore.ids import blob_digest_in_url, filter_url, task_id_by_content, task_id_by_url


class Headers(Mapping[str, str]):
    """Request headers that never show their values in a log line or a traceback."""

    __slots__ = ("_items",)

    def __init__(self, items: Mapping[str, str] | None = None) -> None:
        self._items = dict(items or {})

    def __getitem__(self, name: str) -> str:
        return self._items[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        return hash(frozenset(self._items))

    def __repr__(self) -> str:
        return f"Headers({', '.join(sorted(self._items))})"


@dataclass(frozen=True)
class TaskSpec:
    """One blob that a host wants.

    ``url`` is where an origin has it. ``digest`` and ``size_bytes`` are known when the origin named
    them beforehand. ``content`` replaces the URL in the task id (``content_for_calculating_task_id``
    of Dragonfly). ``piece_length`` is set only when the requester chose it, since it then enters
    the id. ``blob_digest_id``: the digest that an OCI blob's URL names is the id itself
    (``enable_task_id_based_blob_digest``). ``restricted`` blobs travel between hosts over mutual TLS
    alone. ``validator`` is the ETag or Last-Modified that the bytes must belong to.
    """

    url: str
    request_headers: Headers = field(default_factory=Headers)
    digest: Digest | None = None
    size_bytes: int | None = None
    content: str | None = None
    tag: str = ""
    application: str = ""
    revision: str = ""
    filtered_query_params: tuple[str, ...] = ()
    piece_length: int | None = None
    priority: int = 6
    restricted: bool = False
    validator: str | None = None
    disable_back_to_source: bool = False
    insecure_skip_verify: bool = False
    blob_digest_id: bool = False

    @cached_property
    def task_id(self) -> str:
        """The id that Dragonfly's v2 gives this task: from the content if named, else the URL."""
        if self.content:
            return task_id_by_content(self.content)
        if self.blob_digest_id and (digest := blob_digest_in_url(self.url)) is not None:
            return digest.value
        return task_id_by_url(
            self.url,
            tag=self.tag,
            application=self.application,
            revision=self.revision,
            piece_length=self.piece_length,
            filtered_query_params=self.filtered_query_params,
        )

    @cached_property
    def public_url(self) -> str:
        """The URL without its query: what may be logged and stored."""
        return filter_url(self.url, ()).partition("?")[0]

    @cached_property
    def shared_url(self) -> str:
        """What a scheduler is told, for a seed to fetch: with the query that names the content.

        Of restricted content, whose query may hold a right, without.
        """
        if self.restricted:
            return self.public_url
        return filter_url(self.url, self.filtered_query_params)
