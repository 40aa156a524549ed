"""Jobs of the manager: what is to be done on nodes, when, and how far it is.

Pure parts decide (``spec``, ``states``, ``hosts``, ``cron``, ``progress``), ``sources`` turn a target
into files, ``nodes`` drives the hosts, ``runner`` does one job and ``dispatch`` claims jobs among the
replicas.
"""
