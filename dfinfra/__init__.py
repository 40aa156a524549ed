"""Plumbing that every service shares: configuration, logs, jobs, lifecycle, gRPC, TLS,
metrics. All of it may do I/O; nothing in it knows what a blob or a peer is."""
