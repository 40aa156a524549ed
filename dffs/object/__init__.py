"""Object stores: one narrow, synchronous, thread-safe interface, and what stands behind it."""
