"""Commands for people and scripts: ``dfget`` downloads through the node, ``dfctl`` looks at it.

They talk to the node's unix socket and to the schedulers over gRPC, and import nothing of the engine.
"""
