"""The ``dfdaemon.v2`` gRPC services of a host: for peers and schedulers on TCP, for tools on a socket.

Plain Dragonfly peers learn from them which pieces this host holds; the bytes go over Vortex. Handlers
only translate between messages and the task engine.
"""
