"""The store against a model of it, through any order of calls, restarts and crashes."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from blobstore import Blob, BlobStore
from dfcore.digest import unit_digest
from dfcore.errors import InvalidTransition, NoSpace
from dfcore.pieces import Geometry
from tests.component.blobstore.kit import (
    UNIT,
    SetClock,
    config,
    content,
    geometry,
    put_unit,
    sha256,
)

LIMIT_UNITS = 12
NAMES = st.sampled_from(["a", "b", "c", "d"])
SIZES = st.sampled_from([0, 0.5, 1, 2.5, 5])


@dataclass
class Model:
    """What the store should hold of one blob."""

    shape: Geometry
    held: set[int] = field(default_factory=set)
    sealed: bool = False
    used: float = 0.0
    pins: int = 0

    @property
    def blocks(self) -> int:
        return -(-self.shape.size_bytes // UNIT)

    def data(self, name: str) -> bytes:
        return content(self.shape, f"{name}/{self.shape.size_bytes}")


class StoreMachine(RuleBasedStateMachine):
    """Every blob's content follows from its name and size, so any lie is seen."""

    @initialize()
    def start(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="blobstore-machine-"))
        self.disk = self.folder / "0"
        self.clock = SetClock()
        self.models: dict[str, Model] = {}
        self.open()

    def open(self) -> None:
        settings = config(self.disk, limit=LIMIT_UNITS * UNIT, unsealed_idle_s=10)
        self.store = BlobStore(settings, clock=self.clock).open()

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            shutil.rmtree(self.folder)

    def blob(self, name: str) -> Blob:
        blob = self.store.get(name)
        assert blob is not None
        self.clock.now += 1
        self.models[name].used = self.clock.now - 1
        return blob

    def evictable(self) -> list[str]:
        """In the order in which they go."""
        names = sorted(self.models, key=lambda name: self.models[name].used)
        return [
            name
            for name in names
            if not self.models[name].pins
            and (self.models[name].sealed or self.clock.now - self.models[name].used >= 10)
        ]

    @rule(name=NAMES, size=SIZES)
    def create(self, name: str, size: float) -> None:
        if name in self.models:
            return
        new = Model(geometry(size))
        missing = new.blocks + sum(model.blocks for model in self.models.values()) - LIMIT_UNITS
        gone = []
        for candidate in self.evictable():
            if missing <= 0:
                break
            gone.append(candidate)
            missing -= self.models[candidate].blocks
        if missing > 0:
            with pytest.raises(NoSpace):
                self.store.create(name, new.shape)
            return
        self.store.create(name, new.shape)
        for candidate in gone:
            del self.models[candidate]
        new.used = self.clock.now
        self.clock.now += 1
        self.models[name] = new

    @rule(name=NAMES, unit=st.integers(0, 4))
    def commit(self, name: str, unit: int) -> None:
        if name not in self.models or unit >= self.models[name].shape.unit_count:
            return
        model = self.models[name]
        put_unit(self.blob(name), model.data(name), unit)
        model.held.add(unit)

    @rule(name=NAMES, unit=st.integers(0, 4))
    def write_garbage(self, name: str, unit: int) -> None:
        """Never committed, so never seen; a held unit keeps its bytes."""
        if name in self.models and unit < self.models[name].shape.unit_count:
            extent = self.models[name].shape.unit_range(unit)
            self.blob(name).write_at(extent.start, b"\xaa" * extent.size)

    @rule(name=NAMES, unit=st.integers(0, 4))
    def discard(self, name: str, unit: int) -> None:
        if name not in self.models or unit >= self.models[name].shape.unit_count:
            return
        if self.models[name].sealed:
            with pytest.raises(InvalidTransition):
                self.blob(name).discard(unit)
            return
        self.blob(name).discard(unit)
        self.models[name].held.discard(unit)

    @rule(name=NAMES)
    def reset(self, name: str) -> None:
        if name in self.models and not self.models[name].sealed:
            self.blob(name).reset()
            self.models[name].held.clear()

    @rule(name=NAMES)
    def seal(self, name: str) -> None:
        if name not in self.models:
            return
        model = self.models[name]
        digest = sha256(model.data(name))
        if len(model.held) < model.shape.unit_count:
            with pytest.raises(InvalidTransition):
                self.blob(name).seal(digest)
            return
        self.blob(name).seal(digest)
        model.sealed = True

    @rule(name=NAMES)
    def pin(self, name: str) -> None:
        if name in self.models:
            self.blob(name).pin()
            self.models[name].pins += 1
            self.models[name].used = self.clock.now
            self.clock.now += 1

    @rule(name=NAMES)
    def unpin(self, name: str) -> None:
        if name in self.models and self.models[name].pins:
            self.blob(name).unpin()
            self.models[name].pins -= 1

    @rule(name=NAMES)
    def delete(self, name: str) -> None:
        assert self.store.delete(name) == (name in self.models)
        self.models.pop(name, None)

    @rule(seconds=st.sampled_from([1, 11]))
    def wait(self, seconds: int) -> None:
        self.clock.now += seconds

    @rule()
    def restart(self) -> None:
        self.store.close()
        self.after_restart()
        self.open()

    @rule()
    def crash_after_flush(self) -> None:
        self.store.flush()
        old, self.disk = self.disk, self.folder / str(int(self.disk.name) + 1)
        shutil.copytree(old, self.disk)
        self.store.close()
        shutil.rmtree(old)
        self.after_restart()
        self.open()

    def after_restart(self) -> None:
        for name, model in list(self.models.items()):
            model.pins = 0
            if not model.sealed and model.shape.unit_count <= 1:
                del self.models[name]

    @precondition(lambda self: hasattr(self, "store"))
    @invariant()
    def store_and_model_agree(self) -> None:
        assert {info.blob_id for info in self.store.all()} == set(self.models)
        used = UNIT * sum(model.blocks for model in self.models.values())
        assert self.store.stats().used_bytes == used

    @rule(name=NAMES)
    def look(self, name: str) -> None:
        if name not in self.models:
            assert self.store.get(name) is None
            return
        model, blob = self.models[name], self.blob(name)
        data = model.data(name)
        assert set(blob.held.iter_set()) == model.held
        assert blob.complete == model.sealed
        for unit in model.held:
            extent = model.shape.unit_range(unit)
            part = data[extent.start : extent.end]
            assert blob.pread(extent.start, extent.size) == part
            assert blob.digests(unit) == unit_digest(part)
        found = self.store.get_by_digest(sha256(data))
        assert (found is blob) if model.sealed else (found is not blob)


TestStore = StoreMachine.TestCase
TestStore.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
