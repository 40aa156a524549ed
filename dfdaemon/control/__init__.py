"""How this host talks to the others: the scheduler, its parents, its children, the seeds."""
