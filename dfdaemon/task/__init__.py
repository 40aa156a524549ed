"""The task engine: one blob wanted on this host, from the first register to the sealed file.

``machine`` and ``planner`` decide and do no I/O; ``conductor`` is the only shell; ``registry``
holds one conductor per task id and hands readers to the proxy, the RPC service and other peers.
"""
