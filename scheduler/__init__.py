"""The scheduler: tells a peer which parents to take a blob from.

`core` decides (pure: events in, commands out), `service` speaks gRPC around it.
Nodes reach it over gRPC only and never import it.
"""
