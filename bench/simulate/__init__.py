"""A swarm on a virtual clock: the real planner, slots and scheduler core on a fluid network.

``python -m bench simulate`` runs it. What is simulated is only what costs real time: links, latency
of requests and news. Every decision is made by the code that makes it in production:
``dfdaemon.task`` on the child's side, ``dfdaemon.upload.slots`` on the parent's, ``scheduler.core``.

`exact` drives the whole download machine, event by event, with max-min fair sharing, for some hundred
hosts at most. `crowd` drives the planner in small steps, for up to 100,000. `scenario` describes a run.
"""
