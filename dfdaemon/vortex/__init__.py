"""The Vortex wire: packets in and out as bytes, no sockets.

``wire`` has the framing and every tag; ``pieces`` the values of plain Dragonfly's packets;
``units`` those of our own data connections. The upload server, the fetchers and the control
channel use them.
"""
