"""A node: containerd, kubelet and kube-proxy in network, mount and PID namespaces of their own.

The first process of the PID namespace holds it: with that one every pod, shim and daemon of the node is
gone. /var and /run are the node's own, so that folders and mounts that pods ask for never reach the
machine; what is written stays below the node's folder.
"""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from tests.kube.cluster.control import ControlPlane, node_token
from tests.kube.cluster.network import CONTROL, PODS, node_address, write_cni
from tests.kube.namespace import Namespace, end

START_S = 60.0
# Folders below /var that hold much or are mounted from: real ones, not of the overlay.
OWN = ("lib/kubelet", "lib/meganeura", "lib/meganeura-csi", "lib/claims")
SETUP = """
set -e
mount -t overlay overlay -o lowerdir=/var,upperdir=$1/var,workdir=$1/work /var
mount -t tmpfs run /run
mkdir -p /run/netns /var/run /var/log/pods
for own in $2; do mkdir -p $1/$own /var/$own; mount --bind $1/$own /var/$own; done
mount --make-rshared /
trap : CHLD
touch $1/up
while :; do sleep 3600 & wait $!; done
"""


class Node:
    """Started by ``start``; all of it ends with ``stop``."""

    def __init__(self, number: int, control: ControlPlane, programs: Path, folder: Path) -> None:
        self.name = f"node{number}"
        self.address = node_address(number)
        self.folder = folder
        self.namespace = Namespace(f"mgk-{self.name}")
        self._number = number
        self._control = control
        self._programs = programs
        self._processes: list[subprocess.Popen[str]] = []

    def start(self) -> None:
        """Make the namespaces and start the three; does not wait for the node to be ready."""
        for name in ("var", "work"):
            (self.folder / name).mkdir(parents=True)
        self._holder = self.namespace.start(
            [
                *("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"),
                *("--propagation", "private", "bash", "-c", SETUP, "node"),
                *(self.folder, " ".join(OWN)),
            ],
            self.folder / "holder.log",
        )
        self._wait_for(self.folder / "up", self._holder, "holder.log")
        self._containerd()
        self._kubelet()
        self._kube_proxy()

    def stop(self) -> None:
        """End everything that runs here."""
        for process in reversed(self._processes):
            end(process, patience_s=10)
        if self._holder.poll() is None:
            subprocess.run(["pkill", "-KILL", "-P", str(self._holder.pid)], check=False)
            self._holder.wait(30)

    def run(self, *words: str | Path) -> str:
        """Run a command on the node; its output."""
        done = subprocess.run(
            self._inside(*words),
            check=True,
            text=True,
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
        )
        return done.stdout

    def ctr(self, *words: str | Path) -> str:
        """containerd's own client, in the name space of Kubernetes."""
        return self.run("ctr", f"--address={self._socket}", "--namespace=k8s.io", *words)

    def mounts_of_volumes(self) -> list[str]:
        """Where volumes of ours are mounted on the node; what the machine has is no matter of it."""
        mounts = [line.split() for line in self.run("cat", "/proc/mounts").splitlines()]
        ours = ("/var/", "/mnt/volumes/")
        return [to for _, to, kind, *_ in mounts if kind == "fuse.dffs" and to.startswith(ours)]

    @property
    def _socket(self) -> Path:
        return self.folder / "containerd.sock"

    def _inside(self, *words: str | Path) -> list[str]:
        children = Path(f"/proc/{self._holder.pid}/task/{self._holder.pid}/children").read_text()
        target = children.split()[0]
        return ["nsenter", f"--target={target}", "--net", "--mount", "--pid", *map(str, words)]

    def _start(self, name: str, *words: str | Path) -> subprocess.Popen[str]:
        with (self.folder / f"{name}.log").open("wb") as output:
            process = subprocess.Popen(
                self._inside(*words),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                text=True,
            )
        self._processes.append(process)
        return process

    def _wait_for(self, path: Path, process: subprocess.Popen[str], log: str) -> None:
        deadline = time.monotonic() + START_S
        while not path.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self.folder / log).read_text()[-3000:])
            time.sleep(0.1)

    def _containerd(self) -> None:
        write_cni(self.folder / "cni", self._number)
        config = self.folder / "containerd.toml"
        config.write_text(
            f"""version = 2
root = "{self.folder}/containerd"
state = "{self.folder}/containerd-state"
[grpc]
  address = "{self._socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:1"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{self.folder}/cni"
"""
        )
        process = self._start("containerd", "containerd", "--config", config)
        self._wait_for(self._socket, process, "containerd.log")

    def _kubelet(self) -> None:
        kubeconfig = self.folder / "kubelet.kubeconfig"
        kubeconfig.write_text(self._control.kubeconfig_of(node_token(self.name)))
        (self.folder / "resolv.conf").write_text("")
        config = self.folder / "kubelet.yaml"
        config.write_text(
            f"""apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: {self.address}
authentication: {{anonymous: {{enabled: true}}, webhook: {{enabled: false}}}}
authorization: {{mode: AlwaysAllow}}
cgroupDriver: cgroupfs
cgroupRoot: /mgk-{self.name}
cgroupsPerQOS: true
enforceNodeAllocatable: []
failSwapOn: false
oomScoreAdj: 0
clusterDNS: [{CONTROL}]
clusterDomain: cluster.local
resolvConf: {self.folder}/resolv.conf
healthzBindAddress: {self.address}
evictionHard: {{nodefs.available: "0%", imagefs.available: "0%", nodefs.inodesFree: "0%"}}
imageGCHighThresholdPercent: 100
serializeImagePulls: false
"""
        )
        self.run("sh", "-c", f"for c in /sys/fs/cgroup/*/; do mkdir -p $c/mgk-{self.name}; done")
        self._start(
            "kubelet",
            self._programs / "kubelet",
            f"--config={config}",
            f"--kubeconfig={kubeconfig}",
            f"--hostname-override={self.name}",
            f"--node-ip={self.address}",
            "--container-runtime=remote",
            f"--container-runtime-endpoint=unix://{self._socket}",
            "--root-dir=/var/lib/kubelet",
            f"--cert-dir={self.folder}/kubelet-certs",
        )

    def _kube_proxy(self) -> None:
        self._start(
            "kube-proxy",
            self._programs / "kube-proxy",
            f"--kubeconfig={self._control.kubeconfig}",
            f"--hostname-override={self.name}",
            f"--cluster-cidr={PODS}",
            "--proxy-mode=iptables",
            "--conntrack-max-per-core=0",
            "--conntrack-tcp-timeout-established=0",
            "--conntrack-tcp-timeout-close-wait=0",
            f"--healthz-bind-address={self.address}",
        )
