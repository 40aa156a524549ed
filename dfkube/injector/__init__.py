"""The pod injector: a mutating webhook that points the clients in a pod at the node's daemon.

``mutate`` decides (pure), ``review`` speaks the API server's JSON, ``server`` listens.
"""
