"""The node's HTTP proxy: every way in for clients.

``server`` takes requests, ``rules`` decides (pure) where each goes, the doors (``hub.mirror``,
``swarm``) make a task of what the swarm carries, ``response`` sends a task's bytes and
``passthrough`` everything else; ``tunnel`` and ``intercept`` handle CONNECT.
"""
