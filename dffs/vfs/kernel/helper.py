"""``mount.dffs``: what mount(8) calls for a file system of type dffs. Becomes `dffs mount`.

mount(8) looks for it in /sbin: link the installed script there (docs/mounting.md).
"""

from __future__ import annotations

import os
import sys

from dffs.vfs.kernel.fstab import HELPER, arguments_of_helper
from dfinfra.lifecycle import main_guard


def main() -> int:
    """The console script; does not return if all is well."""
    return main_guard(_become, prog=HELPER)


def _become() -> int:
    command = [sys.executable, "-m", "dffs.cli.main", "mount"]
    os.execv(sys.executable, command + arguments_of_helper(sys.argv[1:]))


if __name__ == "__main__":
    sys.exit(main())
