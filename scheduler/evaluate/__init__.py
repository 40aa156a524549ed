"""Which peers make good parents for a plain Dragonfly peer. Pure."""
