"""The CSI driver: pods mount models by name and tag, folders of volumes, and whole volumes.

``wish`` reads what a pod asks for (pure), ``shares`` keeps one ``dffs mount`` per volume, ``binds``
shows a folder of it to a pod. ``node``, ``controller`` and ``identity`` speak CSI, ``registration``
makes the kubelet know of the driver. ``provisioner`` makes volumes for claims, as a process of its own.
"""
