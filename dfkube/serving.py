"""What runs beside Kubernetes, in the foreground until SIGTERM or SIGINT: logs, services, exit code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from dfinfra import lifecycle, logs


def serve(
    name: str,
    services: Callable[[], Sequence[lifecycle.Service]],
    *,
    grace_s: float,
    log_dir: Path | None,
    verbose: bool,
    ready_file: Path | None,
) -> int:
    """Run until told to stop; returns the exit code. Without ``log_dir`` the log goes to stderr.

    ``services`` makes them on the running loop.
    """
    opened = logs.setup(name, log_dir, "debug" if verbose else "info", log_dir is None)

    async def work() -> int:
        return await lifecycle.run(services(), grace_s=grace_s, ready_file=ready_file)

    try:
        return lifecycle.run_loop(work)
    finally:
        opened.close()
