"""The seed: the node's engine with another profile. It goes to the origin for all others."""
