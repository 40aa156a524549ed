"""``dfinit``: has the container runtimes of a node pull images through the node's daemon, and undoes it.

``runtimes`` says what a runtime's files should hold (pure), ``journal`` writes them, remembers what was
there before, and puts it back.
"""
