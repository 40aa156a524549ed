"""The ways in, end to end: a stand-in Hub, a real swarm and real, unmodified clients.

Every module starts one swarm (``bed.Bed``) and shares it: each test has a repository of its own, so
that nothing is cached before it. When the last test of a module is over, nothing that grants a right
may be found in what the daemons wrote (``secrets.leaks``).
"""
