"""What a seed does otherwise than a node."""

from __future__ import annotations

from dfdaemon.config import Profile

SEED = Profile(service="seedpeer", log_name="seedpeer", seed=True, proxy=False)
"""Goes to the origin first, has more upload slots, and serves no proxy unless it is told to."""
