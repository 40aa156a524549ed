"""The node: an HTTP proxy whose downloads go through the swarm."""
