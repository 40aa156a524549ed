"""Looks into a running process: where its threads spend time, what holds its memory.

A sampling profiler in pure Python: it takes the stacks of all threads a hundred times a
second and counts them, in the collapsed format that flame graph tools read. The admin
server calls both functions in a thread of their own, on demand.
"""

from __future__ import annotations

import linecache
import sys
import threading
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable
from types import FrameType

SAMPLE_INTERVAL_S = 0.01
_HEAP_LINES = 100
_HEAP_FRAMES = 12


def sample_stacks(
    seconds: float,
    *,
    stop: threading.Event | None = None,
    now: Callable[[], float] = time.monotonic,
) -> str:
    """Collapsed stacks (``thread;outer;inner count``) of all threads over ``seconds``.

    ``stop`` ends it early. The sampling thread itself is left out.
    """
    stop = stop or threading.Event()
    counts: Counter[str] = Counter()
    end = now() + seconds
    while True:
        counts.update(_stacks_now())
        if now() >= end or stop.wait(SAMPLE_INTERVAL_S):
            break
    return "".join(f"{stack} {count}\n" for stack, count in counts.most_common())


def heap_snapshot() -> str:
    """The places that hold most memory, largest first, with their call stacks.

    The first call switches tracing on, which costs time and memory from then on, and sees
    nothing yet; ask again later. :func:`heap_stop` switches it off.
    """
    if not tracemalloc.is_tracing():
        tracemalloc.start(_HEAP_FRAMES)
        return "tracing has begun; ask again for what was allocated since\n"
    snapshot = tracemalloc.take_snapshot().filter_traces(
        (tracemalloc.Filter(False, tracemalloc.__file__), tracemalloc.Filter(False, __file__))
    )
    held, peak = tracemalloc.get_traced_memory()
    lines = [f"held {held} bytes, peak {peak} bytes"]
    for stat in snapshot.statistics("traceback")[:_HEAP_LINES]:
        lines.append(f"{stat.size} bytes in {stat.count} blocks")
        lines.extend(stat.traceback.format())
    linecache.clearcache()
    return "\n".join(lines) + "\n"


def heap_stop() -> str:
    """Switch the tracing of memory off."""
    tracemalloc.stop()
    return "tracing has ended\n"


def _stacks_now() -> list[str]:
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    me = threading.get_ident()
    return [
        ";".join([names.get(ident, "thread"), *_frames(frame)])
        for ident, frame in sys._current_frames().items()
        if ident != me
    ]


def _frames(frame: FrameType | None) -> list[str]:
    """Outermost first; `module:function`, and the line for the innermost."""
    names: list[str] = []
    while frame is not None:
        code = frame.f_code
        module = frame.f_globals.get("__name__", "?")
        line = f":{frame.f_lineno}" if not names else ""
        names.append(f"{module}:{code.co_qualname}{line}".replace(";", ",").replace(" ", "_"))
        frame = frame.f_back
    names.reverse()
    return names
