"""The control plane: etcd, API server, controllers and scheduler of Kubernetes, as plain processes."""

from __future__ import annotations

import time
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from dfinfra.authority import create_ca, issue, write_private
from tests.kube import tools
from tests.kube.cluster.network import CONTROL, PODS, SERVICES
from tests.kube.namespace import Namespace

API = f"https://{CONTROL}:6443"
ADMIN_TOKEN = "admin-of-a-test-cluster"
READY_S = 90.0


def node_token(name: str) -> str:
    return f"token-of-{name}"


class ControlPlane:
    """Started in the control plane's namespace; ended with it."""

    def __init__(
        self, namespace: Namespace, programs: Path, folder: Path, nodes: list[str]
    ) -> None:
        self.namespace = namespace
        self._programs = programs
        self.folder = folder
        self._nodes = nodes
        self.kubeconfig = folder / "admin.kubeconfig"

    def start(self) -> None:
        """Start all and wait until the API server says that it is ready."""
        self.folder.mkdir(parents=True)
        self._make_keys()
        self.kubeconfig.write_text(self.kubeconfig_of(ADMIN_TOKEN))
        self._etcd()
        self._api_server()
        self._wait()
        self._controllers()

    def kubeconfig_of(self, token: str) -> str:
        """How a client with this token reaches the API server."""
        return f"""apiVersion: v1
kind: Config
clusters: [{{name: c, cluster: {{server: "{API}", certificate-authority: {self.folder}/pki/ca.crt}}}}]
users: [{{name: u, user: {{token: {token}}}}}]
contexts: [{{name: x, context: {{cluster: c, user: u}}}}]
current-context: x
"""

    def _make_keys(self) -> None:
        authority = create_ca(self.folder / "pki", "test cluster")
        issue(
            authority,
            self.folder / "pki",
            "api",
            dns=["kubernetes", "kubernetes.default", "kubernetes.default.svc"],
            ips=[CONTROL, "10.96.0.1"],
        )
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
        write_private(self.folder / "pki" / "accounts.key", pem)
        tokens = [f'{ADMIN_TOKEN},admin,admin,"system:masters"']
        tokens += [f'{node_token(n)},system:node:{n},{n},"system:nodes"' for n in self._nodes]
        (self.folder / "tokens.csv").write_text("\n".join(tokens) + "\n")

    def _start(self, name: str, *words: str | Path) -> None:
        self.namespace.start(words, self.folder / f"{name}.log")

    def _etcd(self) -> None:
        self._start(
            "etcd",
            "etcd",
            f"--data-dir={self.folder}/etcd",
            "--listen-client-urls=http://127.0.0.1:2379",
            "--advertise-client-urls=http://127.0.0.1:2379",
            "--listen-peer-urls=http://127.0.0.1:2380",
            "--unsafe-no-fsync",
        )

    def _api_server(self) -> None:
        pki = self.folder / "pki"
        self._start(
            "apiserver",
            self._programs / "kube-apiserver",
            "--etcd-servers=http://127.0.0.1:2379",
            f"--bind-address={CONTROL}",
            f"--advertise-address={CONTROL}",
            "--secure-port=6443",
            f"--service-cluster-ip-range={SERVICES}",
            f"--tls-cert-file={pki}/api.crt",
            f"--tls-private-key-file={pki}/api.key",
            f"--token-auth-file={self.folder}/tokens.csv",
            f"--client-ca-file={pki}/ca.crt",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--allow-privileged=true",
            "--kubelet-preferred-address-types=InternalIP",
            f"--kubelet-client-certificate={pki}/api.crt",
            f"--kubelet-client-key={pki}/api.key",
            f"--service-account-key-file={pki}/accounts.key",
            f"--service-account-signing-key-file={pki}/accounts.key",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--cert-dir={self.folder}/api-certs",
        )

    def _controllers(self) -> None:
        pki = self.folder / "pki"
        for name, *more in (
            (
                "kube-controller-manager",
                f"--service-account-private-key-file={pki}/accounts.key",
                f"--root-ca-file={pki}/ca.crt",
                f"--cluster-cidr={PODS}",
                "--use-service-account-credentials=true",
                f"--cert-dir={self.folder}/kcm-certs",
            ),
            ("kube-scheduler", f"--cert-dir={self.folder}/scheduler-certs"),
        ):
            self._start(
                name,
                self._programs / name,
                f"--kubeconfig={self.kubeconfig}",
                "--bind-address=127.0.0.1",
                "--port=0",
                "--leader-elect=false",
                *more,
            )

    def _wait(self) -> None:
        words = [tools.KUBECTL, f"--kubeconfig={self.kubeconfig}", "get", "--raw", "/readyz"]
        deadline = time.monotonic() + READY_S
        while self.namespace.try_run(*words).returncode:
            if time.monotonic() > deadline:
                raise RuntimeError((self.folder / "apiserver.log").read_text()[-3000:])
            time.sleep(0.3)
