"""One conductor per task id on this host, and who may attach to it.

The proxy and the RPC services open tasks here; children on other hosts join them; the upload server
looks up what may be served. Shared work goes on while anybody wants it.
"""

from __future__ import annotations

from blobstore.blob import Blob
from dfcore.errors import Denied, NotFound, Unavailable
from dfcore.ranges import ByteRange
from dfdaemon.task.conductor import Child, Conductor
from dfdaemon.task.outcome import log_done
from dfdaemon.task.parts import EngineParts
from dfdaemon.task.readers import FinishedHandle, RunningHandle
from dfdaemon.task.service import TaskHandle, Traffic
from dfdaemon.task.spec import TaskSpec
from dfdaemon.upload.served import ServedTask
from dfinfra.jobs import JobGroup
from dfinfra.tracing import current_trace_id


class TaskRegistry:
    """The running tasks of this host, and the finished blobs behind them."""

    def __init__(self, parts: EngineParts) -> None:
        self.parts = parts
        self._running: dict[str, Conductor] = {}
        self._jobs = JobGroup("tasks")

    @property
    def running(self) -> list[Conductor]:
        return list(self._running.values())

    async def open(self, spec: TaskSpec, wanted: ByteRange | None = None) -> TaskHandle:
        """Attach a reader, starting the task if need be; see ``task.service.TaskService``."""
        blob = self.finished_blob(spec)
        if blob is not None:
            return self._reuse(blob)
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
        blob = self.parts.store.get(spec.task_id)
        if blob is None and spec.digest is not None:
            blob = self.parts.store.get_by_digest(spec.digest)
        if blob is None or not blob.complete:
            return None
        if spec.validator and blob.meta.validator and spec.validator != blob.meta.validator:
            return None
        return blob

    def _reuse(self, blob: Blob) -> FinishedHandle:
        blob.touch()
        size_bytes = blob.geometry.size_bytes
        peer_id = self.parts.new_peer_id()
        self.parts.metrics.tasks.labels("reused").inc()
        self.parts.metrics.traffic_bytes.labels("local").inc(size_bytes)
        log_done(
            task_id=blob.id,
            peer_id=peer_id,
            trace=current_trace_id(),
            cost_ms=0,
            size_bytes=size_bytes,
            traffic=Traffic(local_bytes=size_bytes),
        )
        return FinishedHandle(blob, peer_id)

    def _conductor(self, spec: TaskSpec) -> Conductor:
        conductor = self._running.get(spec.task_id)
        if conductor is None:
            conductor = Conductor(spec, self.parts, self._ended)
            self._running[spec.task_id] = conductor
            conductor.start(self._unfinished_blob(spec))
        return conductor

    def _unfinished_blob(self, spec: TaskSpec) -> Blob | None:
        """What an earlier run left, if it is a part of the content that is wanted now."""
        blob = self.parts.store.get(spec.task_id)
        if blob is None:
            return None
        same_size = spec.size_bytes in (None, blob.geometry.size_bytes)
        same_version = not spec.validator or spec.validator == blob.meta.validator
        if not blob.complete and same_size and same_version:
            return blob
        self.parts.store.delete(spec.task_id)
        return None

    def _ended(self, conductor: Conductor) -> None:
        self._running.pop(conductor.spec.task_id, None)
        self._jobs.spawn(conductor.aclose(), name=f"end {conductor.spec.task_id[:12]}")

    # For other hosts

    def join(
        self,
        task_id: str,
        spec: TaskSpec | None,
        child: Child,
        wanted: ByteRange | None,
        *,
        secure: bool,
    ) -> Blob | Conductor:
        """Attach a child on another host.

        Answers with the finished blob, or with the conductor that will tell the child. A seed starts
        a task that it does not know from the child's ``spec``. Raises NotFound, Denied.
        """
        blob = self.parts.store.get(task_id)
        if blob is not None and blob.complete:
            self._check_secure(blob.meta.restricted, secure)
            return blob
        conductor = self._running.get(task_id)
        if conductor is None and spec is not None and self.parts.host.seed:
            self._check_secure(spec.restricted, secure)
            if spec.task_id != task_id:
                raise NotFound("the task id does not belong to what was described")
            conductor = self._conductor(spec)
        if conductor is None:
            raise NotFound("this host does not have the task")
        self._check_secure(conductor.restricted, secure)
        conductor.add_child(child, wanted)
        return conductor

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
        return conductor.blob_or_none if conductor else self.parts.store.get(task_id)

    def delete(self, task_id: str) -> None:
        """Drop what this host has of a task. Raises NotFound, Unavailable while it is fetched."""
        if task_id in self._running:
            raise Unavailable(f"task {task_id} is being fetched")
        if self.parts.store.get(task_id) is None:
            raise NotFound(f"this host does not hold task {task_id}")
        self.parts.store.delete(task_id)

    async def aclose(self) -> None:
        """Give up every task; partial blobs stay in the store."""
        for conductor in self.running:
            self._running.pop(conductor.spec.task_id, None)
            await conductor.aclose()
        await self._jobs.cancel_all()
