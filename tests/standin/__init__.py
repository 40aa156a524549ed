"""A stand-in for the Hugging Face Hub: the Hub, its CDN and its Xet CAS on loopback.

Tests, `make demo` and the benchmarks download from it instead of the internet. Three
listeners with three host names (127.0.0.1, .2 and .3) behave as the real services do,
can be told to misbehave, and count every request and every byte that leaves them.
"""

from __future__ import annotations

from tests.standin.faults import Fault
from tests.standin.model import File, HubState, Repo
from tests.standin.settings import Settings
from tests.standin.standin import StandIn

__all__ = ["Fault", "File", "HubState", "Repo", "Settings", "StandIn"]
