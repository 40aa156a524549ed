"""The model registry: names, versions and tags in the database, files in dffs volumes.

``names`` is pure, ``registry`` is what the database knows, ``shelf`` what a volume holds, and ``desk``
brings the two together.
"""
