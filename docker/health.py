"""The image's health check: whichever admin server runs here says that its loop turns.

ADMIN_PORTS names other ports than the services' own. Exit code 0: healthy.
"""

import os
import sys
import urllib.request
from http.client import HTTPException

PORTS = os.environ.get("ADMIN_PORTS", "4002 8003 8001").split()


def healthy(port: str) -> bool:
    """Somebody at the port answers that all is well."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthy", timeout=4) as answer:
            return bool(answer.status == 200)
    except (OSError, HTTPException):
        return False


if __name__ == "__main__":
    sys.exit(not any(map(healthy, PORTS)))
