"""One conductor per task id on this host, and who may attach to it.

The proxy and the RPC services open tasks here; children on other hosts join them; the upload server
looks up what may be served. Shared work goes on while anybody wants it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlsplit

from blobstore.blob import Blob
from dfcore.digest import Digest
from dfcore.errors import Denied, NotFound, Unavailable
from dfcore.lru import Lru
from dfcore.pieces import Geometry
from dfcore.ranges import ByteRange
from dfcore.urls import filter_url
from dfdaemon.task.conductor import Child, Conductor
from dfdaemon.task.doubts import Doubts
from dfdaemon.task.outcome import log_done
from dfdaemon.task.parts import EngineParts
from dfdaemon.task.readers import FinishedHandle, RunningHandle
from dfdaemon.task.service import TaskHandle, Traffic
from dfdaemon.task.spec import TaskSpec
from dfdaemon.upload.served import ServedTask
from dfinfra.jobs import JobGroup
from dfinfra.logs import get_logger
from dfinfra.tracing import current_trace_id, span

log = get_logger("tasks")

_NO_PARAM = ("",)
"""Has `filter_url` write a URL in its normal form, and take nothing away."""

MAX_OTHER_NAMES = 10_000
MAX_TOLD = 100
"""Origins about which one line each is written."""


class TaskRegistry:
    """The running tasks of this host, and the finished blobs behind them.

    A blob that is held under another task's id and has the wanted digest serves this task as well:
    ``_other_names`` remembers the ids under which it was asked for.
    """

    def __init__(self, parts: EngineParts) -> None:
        self.parts = parts
        self._running: dict[str, Conductor] = {}
        self._ending: dict[str, Conductor] = {}
        self._doubts = Doubts()
        self._other_names: Lru[str, Digest] = Lru()
        self._verified_all_the_same: set[str] = set()
        self._at_end: dict[str, list[Callable[[], None]]] = {}
        self._jobs = JobGroup("tasks")

    @property
    def running(self) -> list[Conductor]:
        return list(self._running.values())

    async def open(self, spec: TaskSpec, wanted: ByteRange | None = None) -> TaskHandle:
        """Attach a reader, starting the task if need be; see ``task.service.TaskService``."""
        spec = self.parts.admit(spec)
        if self.parts.store.is_unverified(spec.task_id):
            await self.parts.disk.run(self.parts.store.get, spec.task_id)
        with span("open task", task=spec.task_id):
            return await self._open(spec, wanted)

    async def _open(self, spec: TaskSpec, wanted: ByteRange | None) -> TaskHandle:
        blob = self.finished_blob(spec)
        if blob is not None:
            return self._reuse(blob, spec)
        conductor = self._conductor(spec)
        handle = RunningHandle(conductor, wanted)
        try:
            await handle.described()
        except BaseException:
            await handle.aclose()
            raise
        return handle

    def finished_blob(self, spec: TaskSpec) -> Blob | None:
        """The sealed blob of this task, unless the origin has other content by now."""
        blob = self._stored(spec.task_id)
        if blob is None and spec.digest is not None:
            blob = self._named_otherwise(spec, spec.digest)
        if blob is None or not blob.complete or not _same_size_and_digest(spec, blob):
            return None
        return blob if _is_of(blob, spec) else None

    def _stored(self, task_id: str) -> Blob | None:
        """What is held. A blob that a crash caught is not looked at before the store has read it."""
        if self.parts.store.is_unverified(task_id):
            return None
        blob = self.parts.store.get(task_id)
        digest = self._other_names.peek(task_id) if blob is None else None
        return blob if digest is None else self.parts.store.get_by_digest(digest)

    def _named_otherwise(self, spec: TaskSpec, digest: Digest) -> Blob | None:
        blob = self.parts.store.get_by_digest(digest)
        if blob is None or spec.piece_length not in (None, blob.geometry.piece_length):
            return None
        if blob.meta.restricted and spec.content != str(digest):
            # Whoever runs a server can claim any digest; only content that its own origin vouches
            # for by this name (which the proxy says by ``content``) may be read by who may read it.
            return None
        self._other_names.put(spec.task_id, digest)
        for oldest in self._other_names.victims(len(self._other_names) - MAX_OTHER_NAMES):
            self._other_names.pop(oldest)
        return blob

    def _reuse(self, blob: Blob, spec: TaskSpec) -> FinishedHandle:
        blob.touch()
        size_bytes = blob.geometry.size_bytes
        peer_id = self.parts.new_peer_id()
        self.parts.metrics.tasks.labels("reused").inc()
        self.parts.metrics.traffic_bytes.labels("local").inc(size_bytes)
        log_done(
            task_id=spec.task_id,
            peer_id=peer_id,
            trace=current_trace_id(),
            cost_ms=0,
            size_bytes=size_bytes,
            traffic=Traffic(local_bytes=size_bytes),
        )
        handle = FinishedHandle(blob, peer_id)
        handle.task_id = spec.task_id
        return handle

    def _conductor(self, spec: TaskSpec, traceparent: str = "") -> Conductor:
        """The running download of the spec's version of the content; it is started if need be."""
        conductor = self._running.get(spec.task_id)
        if conductor is not None and not conductor.has_version(spec.validator):
            conductor.supersede()
            conductor = self._running.get(spec.task_id)
        if conductor is None:
            conductor = Conductor(spec, self.parts, self._ended, traceparent)
            self._running[spec.task_id] = conductor
            if before := self._ending.get(spec.task_id):
                self._jobs.spawn(self._start_after(before, conductor), name="start")
            else:
                conductor.start(self._unfinished_blob(spec))
        return conductor

    async def _start_after(self, before: Conductor, conductor: Conductor) -> None:
        """They share a blob: what the former has under way must not reach it any more."""
        await before.quiet.wait()
        if not conductor.ended:
            conductor.start(self._unfinished_blob(conductor.spec))

    def _unfinished_blob(self, spec: TaskSpec) -> Blob | None:
        """What an earlier run left, if it is a part of the content that is wanted now."""
        blob = self.parts.store.get(spec.task_id)
        if blob is None:
            return None
        same_version = not spec.validator or spec.validator == blob.meta.validator
        if not blob.complete and same_version and _same_size_and_digest(spec, blob):
            return blob
        self.parts.store.delete(spec.task_id)
        return None

    def _ended(self, conductor: Conductor) -> None:
        task_id = conductor.spec.task_id
        self._doubts.note(task_id, conductor.doubtful_end)
        self._running.pop(task_id, None)
        self._ending[task_id] = conductor
        self._jobs.spawn(self._close(conductor), name=f"end {task_id[:12]}")
        for listener in self._at_end.pop(task_id, ()):
            listener()

    async def _close(self, conductor: Conductor) -> None:
        await conductor.aclose()
        if self._ending.get(conductor.spec.task_id) is conductor:
            del self._ending[conductor.spec.task_id]

    def doubtful_end(self, task_id: str) -> int:
        """See ``task.service.TaskService``."""
        running = self._running.get(task_id)
        return max(self._doubts.end(task_id), running.doubtful_end if running else 0)

    # For other hosts

    def join(
        self,
        task_id: str,
        spec: TaskSpec | None,
        child: Child,
        wanted: ByteRange | None,
        *,
        secure: bool,
        traceparent: str = "",
    ) -> Blob | Conductor:
        """Attach a child on another host.

        Answers with the finished blob, or with the conductor that will tell the child. A seed starts
        a task that it does not know from the child's ``spec``, and goes on with its trace. Raises
        NotFound, Denied, Unavailable.
        """
        if self.parts.store.is_unverified(task_id):
            raise Unavailable("the blob is being verified after a restart")
        blob = self._stored(task_id)
        if blob is None and spec is not None and spec.task_id == task_id:
            blob = self._of_that_digest(spec)
        if blob is not None and blob.complete and _is_of(blob, spec):
            self._check_secure(blob.meta.restricted, secure)
            return blob
        conductor = self._running.get(task_id)
        if conductor is not None and spec and not conductor.has_version(spec.validator):
            conductor = None
        if conductor is None and spec is not None and self.parts.host.seed:
            self._check_secure(spec.restricted, secure)
            if spec.task_id != task_id:
                raise NotFound("the task id does not belong to what was described")
            conductor = self._conductor(self._by_own_word(spec), traceparent)
        if conductor is None:
            raise NotFound("this host does not have the task")
        self._check_secure(conductor.restricted, secure)
        conductor.add_child(child, wanted)
        return conductor

    def _of_that_digest(self, spec: TaskSpec) -> Blob | None:
        """Content that came under another name, as a Hub's file does for Dragonfly's own daemons.

        Only for a task whose id is made of the digest: of another one a child could say anything.
        """
        if spec.digest is None or spec.content != str(spec.digest):
            return None
        blob = self.finished_blob(spec)
        if blob is None:
            return None
        geometry = Geometry.for_size(blob.geometry.size_bytes, spec.piece_length)
        return blob if blob.geometry == geometry else None

    def _by_own_word(self, spec: TaskSpec) -> TaskSpec:
        """A child's wish, with the origin verified unless this host itself is told not to.

        What a seed takes from an origin goes to everybody: no child decides that anybody may be it.
        """
        if not spec.insecure_skip_verify or self.parts.may_skip_verify(spec.url):
            return spec
        host = urlsplit(spec.url).hostname or ""
        if host not in self._verified_all_the_same and len(self._verified_all_the_same) < MAX_TOLD:
            self._verified_all_the_same.add(host)
            log.warning(
                "a node asks not to verify an origin; proxy.registryMirror here does not say so",
                origin=host,
            )
        return replace(spec, insecure_skip_verify=False)

    @staticmethod
    def _check_secure(restricted: bool, secure: bool) -> None:
        if restricted and not secure:
            raise Denied("a restricted blob travels over mutual TLS only")

    def lookup(self, task_id: str) -> ServedTask | None:
        """What this host may serve of a task; for the upload server."""
        conductor = self._running.get(task_id)
        blob = self.blob(task_id)
        if blob is None:
            return None
        fetching = conductor is not None and conductor.more_to_come
        return ServedTask(
            blob=blob,
            restricted=blob.meta.restricted,
            seed=self.parts.host.seed,
            fetching_from_origin=fetching,
            failed=conductor is not None and conductor.error is not None,
        )

    # For the control services

    def is_running(self, task_id: str) -> bool:
        return task_id in self._running

    def blob(self, task_id: str) -> Blob | None:
        """What this host has of the task, finished or not."""
        conductor = self._running.get(task_id)
        return conductor.blob_or_none if conductor else self._stored(task_id)

    def is_restricted(self, task_id: str) -> bool:
        """What this host has of the task, or fetches, is not everybody's."""
        conductor = self._running.get(task_id)
        if conductor is not None:
            return conductor.restricted
        blob = self._stored(task_id)
        return blob is not None and blob.meta.restricted

    def is_closed_to(self, spec: TaskSpec) -> bool:
        """It is not everybody's, and came from another URL than the spec's."""
        conductor = self._running.get(spec.task_id)
        if conductor is not None:
            return conductor.restricted and conductor.spec.public_url != spec.public_url
        blob = self._stored(spec.task_id)
        return blob is not None and blob.meta.restricted and blob.meta.url != spec.public_url

    def at_end(self, task_id: str, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` once when the running download ends; returns what takes it back."""
        listeners = self._at_end.setdefault(task_id, [])
        listeners.append(listener)

        def forget() -> None:
            if listener in listeners:
                listeners.remove(listener)
            if not listeners and self._at_end.get(task_id) is listeners:
                del self._at_end[task_id]

        return forget

    def delete(self, task_id: str) -> None:
        """Drop what this host has of a task. Raises NotFound, Unavailable while it is fetched."""
        if task_id in self._running:
            raise Unavailable(f"task {task_id} is being fetched")
        blob = self._stored(task_id)
        if blob is None:
            raise NotFound(f"this host does not hold task {task_id}")
        if task_id in self._other_names:
            self._other_names.pop(task_id)
        if blob.id == task_id:
            self.parts.store.delete(task_id)

    async def aclose(self) -> None:
        """Give up every task; partial blobs stay in the store."""
        running = self.running
        self._running.clear()
        # At once: each may wait a moment for its scheduler to take the last word.
        async with JobGroup("give up") as ends:
            for conductor in running:
                ends.spawn(conductor.aclose(), name=conductor.spec.task_id[:12])
        await self._jobs.cancel_all()


def _is_of(blob: Blob, spec: TaskSpec | None) -> bool:
    """The blob is the version of the content that the spec is about."""
    if spec is None:
        return True
    if not _same_url(blob.meta.url, spec):
        return False
    if not spec.validator or not blob.meta.validator:
        return True
    return spec.validator == blob.meta.validator


def _same_url(url: str, spec: TaskSpec) -> bool:
    """Dragonfly joins what makes an id without separators: ``…/a`` with the tag ``b`` is ``…/ab``."""
    named = spec.content or spec.digest or spec.blob_digest_id
    if named or not url or url == spec.public_url:
        return True
    return filter_url(url, _NO_PARAM) == filter_url(spec.public_url, _NO_PARAM)


def _same_size_and_digest(spec: TaskSpec, blob: Blob) -> bool:
    """What is held may be what is wanted, as far as both are known."""
    if spec.size_bytes not in (None, blob.geometry.size_bytes):
        return False
    wanted, known = spec.digest, blob.digest
    return not wanted or not known or wanted.algorithm != known.algorithm or wanted == known
