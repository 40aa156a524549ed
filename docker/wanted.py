"""What the image holds besides this project: its dependencies, as pyproject.toml names them.

    docker/wanted.py                       the requirements
    docker/wanted.py --merge REPORT...     a requirements file with digests, from pip's reports

Called by docker/lock.
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections import defaultdict
from pathlib import Path

EXTRAS = ("fs", "manager", "tracing")
# What a Python older than the one that resolves needs besides: redis on Debian 12's 3.11.2.
OLDER = ("async-timeout>=4.0.3",)
HEAD = """\
# Every package of the image with the digests of its wheels for linux/amd64 and linux/arm64, Python 3.11.
# Written by docker/lock.
"""


def wanted() -> list[str]:
    """The requirements of the product and of its extras, without those that name the project."""
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    optional = project["optional-dependencies"]
    found = [*project["dependencies"], *(one for extra in EXTRAS for one in optional[extra])]
    plain = [one.partition(";")[0].replace(" ", "") for one in found]
    return [one for one in (*plain, *OLDER) if not one.startswith("meganeura")]


def merged(reports: list[str]) -> str:
    """One requirement per package, with the digests of all reports."""
    digests: dict[str, set[str]] = defaultdict(set)
    for report in reports:
        for one in json.loads(Path(report).read_text())["install"]:
            name = f"{one['metadata']['name'].lower()}=={one['metadata']['version']}"
            digests[name].add(one["download_info"]["archive_info"]["hashes"]["sha256"])
    lines = [
        " \\\n    ".join([name, *(f"--hash=sha256:{digest}" for digest in sorted(found))])
        for name, found in sorted(digests.items())
    ]
    return HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    if sys.argv[1:2] == ["--merge"]:
        sys.stdout.write(merged(sys.argv[2:]))
    else:
        print(*wanted())
