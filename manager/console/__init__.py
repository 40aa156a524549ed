"""The console at `/`: pages made on the server from templates, kept fresh by one small script.

It has no interface of its own to the control plane: what a page shows of clusters, jobs, models and
users is what the REST table answers to the same person, and what a form changes goes through REST as
well. Live pictures come from `manager.observe`. `part.part` is what the composition root asks for.
"""
