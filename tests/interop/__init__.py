"""Plain Dragonfly beside us: its daemons, tools and scheduler, written anew from its protocol.

The peers here speak `dfdaemon.v2`, `scheduler.v2` and Vortex as dragonflyoss/client and
dragonflyoss/dragonfly do, message by message, and know nothing of what we add. Our own side is real
processes.
"""
