"""The values under which every check of the chart is made."""

from __future__ import annotations

from tests.kube.chart import GUIDE, Case

DEFAULT = Case("default")
GUIDES = Case("the-guide", files=(GUIDE / "charts-config.yaml",))
SERVICES = ("scheduler", "seedPeer", "dfdaemon", "manager")
CASES = (
    DEFAULT,
    GUIDES,
    Case(
        "no-metrics",
        values=tuple((f"{c}.metrics.enable", False) for c in SERVICES),
    ),
    Case("own-network", values=(("dfdaemon.hostNetwork", False), ("networkPolicy.enable", True))),
    Case(
        "several",
        values=(
            ("scheduler.replicas", 3),
            ("seedPeer.replicas", 2),
            ("networkPolicy", {"enable": True, "monitoring": [{"namespaceSelector": {}}]}),
            ("peerService", {"enable": True}),
        ),
    ),
    Case(
        "disks",
        values=(
            ("dfdaemon.cache.disks", ["/mnt/nvme0/models", "/mnt/nvme1/models"]),
            ("dfdaemon.logs.type", "hostPath"),
            ("seedPeer.cache", {"type": "pvc", "size": "1Ti", "storageClass": "fast"}),
        ),
    ),
    Case(
        "nothing-kept",
        values=(
            ("dfdaemon.cache", {"type": "emptyDir", "size": "20Gi"}),
            ("dfdaemon.socketDir", ""),
            ("seedPeer.cache", {"type": "emptyDir", "size": "50Gi"}),
        ),
    ),
    Case(
        "own-secrets",
        values=(
            ("security", {"existingSecret": "hosts", "existingProxyCASecret": "proxy"}),
            ("manager.existingRootSecret", "root"),
            ("manager.database", {"type": "external", "existingSecret": "url"}),
            (
                "image",
                {"registry": "registry.example:5000", "tag": "x", "pullSecrets": [{"name": "p"}]},
            ),
        ),
    ),
    Case(
        "nodes-alone",
        values=(
            ("scheduler", {"enable": False, "external": ["10.0.0.1:8002"]}),
            ("seedPeer.enable", False),
            ("manager.enable", False),
        ),
    ),
    *(
        Case(
            f"manager-on-{name}",
            values=(
                (f"{name}.enable", True),
                ("networkPolicy.enable", True),
                ("redis", {"enable": True, "storage": {"type": "emptyDir"}}),
                ("manager", {"replicas": 2, "database": {"type": name}}),
                ("manager.ingress", {"enable": True, "host": "models.example", "tlsSecret": "t"}),
            ),
        )
        for name in ("postgresql", "mysql")
    ),
    Case(
        "mounts",
        values=(
            (
                "dffs",
                {
                    "volumesSecret": "volumes",
                    "passphraseSecret": "passphrase",
                    "mounts": [
                        {"name": "models", "path": "/mnt/models", "readOnly": True},
                        {"name": "work", "path": "/mnt/w", "subdir": "/a", "args": ["--writeback"]},
                    ],
                },
            ),
        ),
    ),
    Case(
        "pods",
        values=(
            ("csi", {"enable": True, "volumesSecret": "urls", "volumes": [{"name": "models"}]}),
            ("csi.mountOptions", ["--cache-size=50G"]),
            ("csi.storageClasses", [{"name": "folders", "volume": "models"}]),
            ("injector", {"enable": True, "mode": "proxy", "authorityConfigMap": "ca"}),
            ("injector.tools", True),
        ),
    ),
    Case(
        "watched",
        values=(
            ("serviceMonitor", {"enable": True, "labels": {"team": "a"}}),
            ("prometheusRule.enable", True),
            ("grafanaDashboards.enable", True),
        ),
    ),
    Case(
        "placed",
        values=(
            *((f"{c}.nodeSelector", {"pool": "models"}) for c in SERVICES),
            *((f"{c}.priorityClassName", "high") for c in SERVICES),
            *((f"{c}.podLabels", {"team": "a"}) for c in SERVICES),
            ("dfdaemon.tolerations", [{"operator": "Exists"}]),
            ("scheduler.affinity", {"nodeAffinity": {}}),
            ("podAnnotations", {"a": "b"}),
        ),
    ),
    Case(
        "ports",
        values=(
            (
                "dfdaemon.config",
                {
                    "proxy": {"tcpListen": {"port": 7001}},
                    "upload": {"port": 7005, "rpcPort": 7000},
                    "admin": {"port": 7002},
                },
            ),
            ("seedPeer.config", {"upload": {"port": 7005, "rpcPort": 7000}, "pprofPort": 7002}),
            ("scheduler.config", {"server": {"port": 7012}, "admin": {"port": 7013}}),
            ("manager.config", {"server": {"rest": {"port": 7080}, "grpc": {"port": 7003}}}),
        ),
    ),
)
