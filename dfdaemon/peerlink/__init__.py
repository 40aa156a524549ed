"""The control channel between two of our hosts, and the connections below it.

``channel`` is the conversation, ``connect`` dials one, ``conn`` reads and writes packets over a
plain socket or TLS (the upload server's data connections use it, too).
"""
