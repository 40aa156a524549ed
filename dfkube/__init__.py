"""Kubernetes beside the swarm: the CSI driver, the pod injector, and `dfinit` for container runtimes.

Each part is a process of its own and reaches the swarm the way a user does: by HTTP, by the `dffs`
command, or by the node's socket. No other package of the house imports this one.
"""
