"""Bytes out: the Vortex port, which units go to whom, and the kernel's sendfile.

``server`` accepts connections, ``slots`` decides (pure), ``sendfile`` moves the bytes; the proxy
uses ``sendfile`` for its responses as well.
"""
