"""Shows the swarm at work: ``make demo`` on this machine alone, ``make run`` against the real Hub.

Not shipped: it uses the stand-in Hub, the real clients and the process helpers of ``tests``.
"""
