"""Carries a plan out: several workers, a bandwidth limit, a checkpoint, and figures at the end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import cast

from dfcore.errors import MeganeuraError
from dfcore.tokenbucket import TokenBucket
from dffs.sync.checkpoint import Checkpoint
from dffs.sync.items import Item, Store, TakesBlocks, WriteOptions
from dffs.sync.planner import Action, Rules, Step, plan
from dfinfra.logs import get_logger

_log = get_logger("sync")
_SLEEP_MAX_S = 0.5


@dataclass(frozen=True, slots=True)
class Options:
    """How the work is done, where the rules say what is to be done."""

    threads: int = 10
    dry: bool = False
    write: WriteOptions = field(default_factory=WriteOptions)
    check_new: bool = False
    delete_source_after: bool = False
    bytes_per_s: float = 0.0
    max_failures: int = -1
    checkpoint_interval_s: float = 10.0


@dataclass
class Outcome:
    """What a synchronisation did. `moved_bytes` is what travelled, `copied_bytes` what was copied."""

    copied: int = 0
    copied_bytes: int = 0
    moved_bytes: int = 0
    deleted: int = 0
    checked: int = 0
    skipped: int = 0
    failed: int = 0
    errors: list[str] = field(default_factory=list)


class TooManyFailuresError(MeganeuraError):
    """--max-failure was reached."""


class Runner:
    """One synchronisation. `run` may be called once."""

    def __init__(
        self,
        source: Store,
        destination: Store,
        rules: Rules,
        options: Options,
        *,
        checkpoint: Checkpoint | None = None,
        on_action: Callable[[Action, str], None] | None = None,
    ) -> None:
        self._source = source
        self._destination = destination
        self._rules = rules
        self._options = options
        self._checkpoint = checkpoint
        self._on_action = on_action
        self._lock = threading.Lock()
        self._later: list[Item] = []
        rate = options.bytes_per_s
        self._bucket = TokenBucket(rate, rate, time.monotonic()) if rate else None
        self.outcome = Outcome()

    def run(self) -> Outcome:
        """Do it; failures of single items are counted and told, not raised."""
        try:
            self._carry_out()
        except BaseException:
            # Interrupted, or a listing failed: the next run goes on from here.
            self._save()
            raise
        self._delete_later()
        self._finish()
        return self.outcome

    def _carry_out(self) -> None:
        places = threading.Semaphore(2 * self._options.threads)
        saved = time.monotonic()
        with ThreadPoolExecutor(self._options.threads, thread_name_prefix="sync") as pool:
            for action in self._actions():
                if action.step is Step.SKIP:
                    self.outcome.skipped += 1
                    continue
                self._stop_if_hopeless()
                self._begin(action)
                places.acquire()
                job = pool.submit(self._do, action)
                job.add_done_callback(lambda _: places.release())
                if time.monotonic() - saved > self._options.checkpoint_interval_s:
                    self._save()
                    saved = time.monotonic()

    def _actions(self) -> Iterator[Action]:
        after = self._checkpoint.resumed_after if self._checkpoint else ""
        if self._checkpoint and self._checkpoint.failed_before:
            # What failed in the run before lies before the key it stopped at.
            again = set(self._checkpoint.failed_before)
            both = (self._source.items(), self._destination.items())
            for action in plan(*both, self._rules):
                if action.item.key in again or action.item.key > after:
                    yield action
            return
        yield from plan(self._source.items(after), self._destination.items(after), self._rules)

    def _begin(self, action: Action) -> None:
        if self._checkpoint:
            self._checkpoint.begin(action.item.key)

    def _do(self, action: Action) -> None:
        failed = True
        try:
            told = self._step(action)
            failed = False
        except (OSError, MeganeuraError) as error:
            told = f"failed: {error}"
            _log.warning(
                "item failed", key=action.item.key, step=action.step.value, error=str(error)
            )
            with self._lock:
                self.outcome.failed += 1
                if len(self.outcome.errors) < 100:
                    self.outcome.errors.append(f"{action.item.key}: {error}")
        finally:
            if self._checkpoint:
                self._checkpoint.end(action.item.key, failed=failed)
        if self._on_action:
            self._on_action(action, told)

    def _step(self, action: Action) -> str:
        if self._options.dry:
            self._count(action)
            return "would " + action.step.value
        if action.step is Step.DELETE_DESTINATION:
            self._delete(self._destination, action.item)
        elif action.step is Step.DELETE_SOURCE:
            self._delete(self._source, action.item)
        elif action.step is Step.COMPARE and not self._differs(action):
            with self._lock:
                self.outcome.checked += 1
            return "equal"
        else:
            self._copy(action.item)
        return action.step.value

    def _count(self, action: Action) -> None:
        with self._lock:
            if action.step is Step.COPY:
                self.outcome.copied += 1
                self.outcome.copied_bytes += action.item.size_bytes
            elif action.step is Step.COMPARE:
                self.outcome.checked += 1
            else:
                self.outcome.deleted += 1

    def _differs(self, action: Action) -> bool:
        assert action.other is not None
        return self._source.digest(action.item) != self._destination.digest(action.other)

    def _copy(self, item: Item) -> None:
        if not self._taken(item):
            plain = item.is_directory or bool(item.link)
            content = iter(()) if plain else self._metered(self._source.read(item))
            self._destination.write(item, content, self._options.write)
        if self._options.check_new and not self._same(item):
            raise MeganeuraError(f"{item.key}: the copy differs from the source")
        with self._lock:
            self.outcome.copied += 1
            self.outcome.copied_bytes += item.size_bytes
            if self._rules.delete_source and not item.is_directory:
                self._later.append(item)
        if not self._options.delete_source_after:
            self._delete_later()

    def _same(self, item: Item) -> bool:
        if item.is_directory or item.link:
            return True
        return self._source.digest(item) == self._destination.digest(item)

    def _taken(self, item: Item) -> bool:
        """Whether the destination could take the item by references to blocks."""
        if not hasattr(self._destination, "take"):
            return False
        taker = cast("TakesBlocks", self._destination)
        return taker.take(self._source, item, self._options.write, self._moved)

    def _metered(self, content: Iterator[bytes]) -> Iterator[bytes]:
        for data in content:
            self._moved(len(data))
            yield data

    def _moved(self, size: int) -> None:
        wait_s = 0.0
        with self._lock:
            self.outcome.moved_bytes += size
            if self._bucket:
                wait_s = self._bucket.take(size, time.monotonic())
        while wait_s > 0:
            time.sleep(min(wait_s, _SLEEP_MAX_S))
            wait_s -= _SLEEP_MAX_S

    def _delete(self, store: Store, item: Item) -> None:
        store.delete(item)
        with self._lock:
            self.outcome.deleted += 1

    def _delete_later(self) -> None:
        with self._lock:
            items, self._later = self._later, []
        for item in items:
            self._delete(self._source, item)

    def _stop_if_hopeless(self) -> None:
        limit = self._options.max_failures
        if 0 <= limit < self.outcome.failed:
            raise TooManyFailuresError(
                f"{self.outcome.failed} items failed; the last: {self.outcome.errors[-1]}"
            )

    def _save(self) -> None:
        if self._checkpoint and not self._options.dry:
            self._checkpoint.save()

    def _finish(self) -> None:
        if self._checkpoint and not self._options.dry:
            if self.outcome.failed:
                self._checkpoint.save()
            else:
                self._checkpoint.remove()
