"""What schedulers, seeds and nodes ask of the manager: Dragonfly's manager.v2, and our own stream."""
