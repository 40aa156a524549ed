"""A cluster of many hosts on one machine: network namespaces on a bridge of their own.

``net`` makes the hosts and their links, ``bed`` runs a swarm on them. Nothing can leave the machine:
the bridge lives in a namespace, too. Needs root.
"""
