"""The upload server's settings."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class UploadConfig:
    """Who may take how much at once.

    ``slots`` per task for named units, ``seed_slots`` per task for any-of, ``plain_slots`` in all
    for plain Dragonfly peers, ``max_transfers`` in all for ours. Timeouts in seconds, rates in
    bytes per second. ``any_of_hold_s``: a seed that has had nothing to give for so long says so,
    and the child asks again.
    """

    host: str = "0.0.0.0"
    port: int = 4005
    slots: int = 4
    seed_slots: int = 6
    plain_slots: int = 8
    max_transfers: int = 64
    max_connections: int = 1024
    first_packet_timeout_s: float = 5.0
    idle_timeout_s: float = 60.0
    stall_timeout_s: float = 10.0
    min_rate_bytes_s: int = 16 * 1024
    any_of_hold_s: float = 20.0
    send_threads: int = 8
