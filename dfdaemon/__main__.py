"""``dfdaemon``: the node's daemon in the foreground, until SIGTERM or SIGINT."""

from __future__ import annotations

import sys

from dfdaemon.config import Profile
from dfdaemon.run import command

main = command("dfdaemon", Profile(), "The node's daemon: an HTTP proxy that downloads by swarm.")

if __name__ == "__main__":
    sys.exit(main())
