"""A swarm of real processes on this machine: a scheduler, seeds and nodes, with ports of their own.

Used by ``tests/cluster``, ``make demo``, ``make run`` and the benchmarks. Synchronous: an async test
calls it through ``asyncio.to_thread``. ``swarm.Swarm`` is the entry.
"""
