"""The control plane: clusters, discovery, dynamic configuration, jobs, models, REST, console.

The swarm works without it. Read top-down: `manager.app` composes `manager.rest`, `manager.rpc` and
`manager.console` over `manager.jobs`, `manager.models` and the database in `manager.db`.
"""
