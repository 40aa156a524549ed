"""Bytes in: units from other hosts, whole runs of them from the origin, into the blob store.

``parent`` and ``origin`` are the two pools the conductor uses; ``limiter`` paces them (and the
upload server). Blocking threads receive, hash and write; the event loop hears once per unit.
"""
