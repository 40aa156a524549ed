"""How commands show what they found: JSON on stdout, as scripts read it. No secrets."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from dfinfra.redact import redact


def show(found: Mapping[str, Any]) -> None:
    """One JSON document."""
    kept = {
        name: value if value == "removed" else redact(value, name) for name, value in found.items()
    }
    sys.stdout.write(json.dumps(kept, indent=2, default=str) + "\n")
