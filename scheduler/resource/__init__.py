"""What the scheduler knows: hosts, tasks, peers, and indexes over them. Pure."""
