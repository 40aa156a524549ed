"""The Hugging Face Hub, as its clients see it through this node.

``mirror`` answers Hub requests (``HF_ENDPOINT`` mode and Hub hosts seen by the proxy) with what
``metadata`` knows or asks through the seed; ``authorize`` remembers who may read what; ``routes``,
``facts`` and ``rewrite`` are pure. The proxy calls this package, it never calls the proxy.
"""
