"""`Meta`: every operation on a volume's metadata, one transaction each, from any thread.

The semantics are in one module per subject; this one puts them together. `open_meta(url)` is where
callers start.
"""

from __future__ import annotations

from typing import Any

from dffs.meta.attributes import Attributes
from dffs.meta.check import Check
from dffs.meta.clones import Clones
from dffs.meta.content import Content
from dffs.meta.dump import Dump
from dffs.meta.locks import Locks
from dffs.meta.opening import open_engine
from dffs.meta.quotas import Quotas
from dffs.meta.reclaim import Reclaim
from dffs.meta.removal import Removal
from dffs.meta.sessions import Sessions
from dffs.meta.volume import Volume
from dffs.meta.xattrs import Xattrs


class Meta(
    Sessions,
    Removal,
    Attributes,
    Xattrs,
    Content,
    Locks,
    Clones,
    Quotas,
    Reclaim,
    Volume,
    Dump,
    Check,
):
    """The metadata of one volume; see `dffs.meta.api` for what each method promises."""

    def housekeeping(self, *, patient: bool = False) -> None:
        """Clean up after dead sessions, orphans, trash, old changes, unfinished clones."""
        super().housekeeping(patient=patient)
        self.abandon_clones()

    def close(self) -> None:
        """End the session and close the engine."""
        self.end_session()
        self.engine.close()


def open_meta(url: str, **options: Any) -> Meta:
    """The metadata behind an engine's URL; options as of `dffs.meta.core.Core`.

    BadInput for a URL that is none, EngineDown when the engine does not answer. Whether there is a
    volume in it is seen by `get_format`.
    """
    engine = open_engine(url)
    try:
        return Meta(engine, **options)
    except BaseException:
        engine.close()
        raise
