"""Structured logs: one JSON object per line, without secrets, written off the calling thread.

Every module gets its logger with :func:`get_logger`; a service's ``main`` calls :func:`setup`
once. Lines of libraries that use the standard ``logging`` take the same way. The keys
``ts``, ``level``, ``msg`` and ``logger`` come first, as in Dragonfly's ``core.log``. Context
variables (``bound(task=…)``) are added to every line that is logged inside the block.
"""

from __future__ import annotations

import atexit
import json
import logging
import logging.handlers
import queue
import sys
from pathlib import Path
from typing import Any

import structlog
from structlog.contextvars import bound_contextvars as bound
from structlog.typing import EventDict, WrappedLogger

from dfcore.errors import ConfigError
from dfinfra.redact import redact

__all__ = ["Logs", "bound", "get_logger", "setup"]

_FIRST_KEYS = ("ts", "level", "msg", "logger")
_QUEUED_LINES = 10_000
_LEVELS = ("debug", "info", "warning", "error", "critical")


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger; works before :func:`setup` (warnings then go to stderr)."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


class Logs:
    """The running log pipeline of a process."""

    def __init__(self, handler: _Enqueue, listener: logging.handlers.QueueListener) -> None:
        self._handler = handler
        self._listener: logging.handlers.QueueListener | None = listener

    @property
    def dropped_lines(self) -> int:
        """Lines lost because the disk could not keep up."""
        return self._handler.dropped_lines

    def close(self) -> None:
        """Write what is queued and stop. Safe to call twice."""
        if self._listener is None:
            return
        logging.getLogger().removeHandler(self._handler)
        self._listener.stop()
        for handler in self._listener.handlers:
            handler.close()
        self._listener = None
        atexit.unregister(self.close)


def setup(
    service: str,
    log_dir: Path | None = None,
    level: str = "info",
    console: bool = True,
    *,
    rotate_size_bytes: int = 64 << 20,
    rotate_count: int = 6,
) -> Logs:
    """Log to ``log_dir/core.log`` (rotated) and, if ``console``, to stderr.

    Raises ConfigError if the folder cannot be written or the level is unknown.
    """
    if level.lower() not in _LEVELS:
        raise ConfigError(f"log.level: {level!r} is not allowed: one of {', '.join(_LEVELS)}")
    outputs: list[logging.Handler] = []
    if log_dir is not None:
        outputs.append(_file_handler(log_dir, rotate_size_bytes, rotate_count))
    if console:
        outputs.append(logging.StreamHandler(sys.stderr))
    handler = _Enqueue(queue.Queue(_QUEUED_LINES))
    handler.setFormatter(_formatter(service))
    listener = logging.handlers.QueueListener(handler.queue, *outputs)
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(level.upper())
    for chatty in ("asyncio", "aiohttp.access", "grpc", "grpc._cython.cygrpc"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    logging.captureWarnings(True)
    listener.start()
    logs = Logs(handler, listener)
    atexit.register(logs.close)
    return logs


class _Enqueue(logging.handlers.QueueHandler):
    """Renders in the calling thread (context variables live there), writes in another."""

    def __init__(self, lines: queue.Queue[Any]) -> None:
        super().__init__(lines)
        self.dropped_lines = 0

    def enqueue(self, record: logging.LogRecord) -> None:
        """Queue the line, or drop it: a full disk must not stop the service."""
        try:
            self.queue.put_nowait(record)
        except queue.Full:
            self.dropped_lines += 1


def _file_handler(folder: Path, size_bytes: int, count: int) -> logging.Handler:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return logging.handlers.RotatingFileHandler(
            folder / "core.log", maxBytes=size_bytes, backupCount=count, encoding="utf-8"
        )
    except OSError as error:
        raise ConfigError(f"log.dir: cannot write to {folder}: {error.strerror}") from error


def _formatter(service: str) -> logging.Formatter:
    def with_service(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        event["service"] = service
        return event

    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_SHARED,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            with_service,
            structlog.processors.format_exc_info,
            structlog.processors.EventRenamer("msg"),
            _redacted,
            _rendered,
        ],
    )


def _redacted(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    return {key: redact(value, key) for key, value in event.items()}


def _rendered(_: WrappedLogger, __: str, event: EventDict) -> str:
    first = {key: event[key] for key in _FIRST_KEYS if key in event}
    return json.dumps({**first, **event}, default=repr, ensure_ascii=False)


_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
]

# At import, so that a logger made by a module works before setup(): everything goes to the
# standard logging, which decides by level and handlers.
structlog.configure(
    processors=[
        structlog.stdlib.filter_by_level,
        *_SHARED,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.StackInfoRenderer(),
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
    cache_logger_on_first_use=True,
)
