"""Settings of all property tests: few examples each, and no deadline on a busy machine."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("house", max_examples=60, deadline=None)
settings.load_profile("house")
