"""A real Kubernetes of one or more nodes, seen by nobody else, and what tests do with it."""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.architecture.sources import ROOT
from tests.kube import tools
from tests.kube.chart import CHART, NAMESPACE, RELEASE
from tests.kube.cluster import dns, network
from tests.kube.cluster.control import ADMIN_TOKEN, API, ControlPlane
from tests.kube.cluster.node import Node
from tests.kube.docker import CACHE
from tests.kube.namespace import Namespace

BUILD = Path(__file__).with_name("build-kubernetes")
# What the kubelet sets for its node, and is put back.
SYSCTLS = ("kernel/panic", "kernel/panic_on_oops", "vm/overcommit_memory")
HUB_NAMES = {"huggingface.co": network.CONTROL, "cdn-lfs.huggingface.co": network.CDN}
READY_S = 120.0


class Cluster:
    """Up when entered; gone when left."""

    def __init__(self, folder: Path, nodes: int = 1) -> None:
        self.folder = folder
        self._count = nodes
        self._stack = ExitStack()
        self.nodes: list[Node] = []

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._raise(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def _raise(self, stack: ExitStack) -> None:
        # Two at once would take each other's settings of the kernel for the machine's own.
        lock = stack.enter_context((CACHE / ".cluster").open("w"))
        fcntl.flock(lock, fcntl.LOCK_EX)
        programs = Path(subprocess.check_output([BUILD], text=True).strip())
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
        stack.callback(_remove_cgroups)
        stack.callback(_restore, {name: _sysctl(name).read_text() for name in SYSCTLS})
        self.outside = stack.enter_context(Namespace("mgk-control"))
        network.lay_switch(self.outside, self._count)
        names = [f"node{number}" for number in range(1, self._count + 1)]
        self.control = ControlPlane(self.outside, programs, self.folder / "control", names)
        self.control.start()
        fixed = [f"{name}={address}" for name, address in HUB_NAMES.items()]
        words = [sys.executable, dns.__file__, network.CONTROL, API, ADMIN_TOKEN, *fixed]
        self.outside.start(words, self.folder / "dns.log")
        for number in range(1, self._count + 1):
            node = Node(number, self.control, programs, self.folder / f"node{number}")
            stack.enter_context(node.namespace)
            network.plug_in(self.outside, node.namespace, number, self._count)
            stack.callback(node.stop)
            node.start()
            self.nodes.append(node)
        self.wait("node", "--all", "condition=Ready")

    def load(self, *archives: Path) -> None:
        """Give images (of `docker save`) to every node, as `kind load` does."""
        for node in self.nodes:
            for archive in archives:
                node.ctr("images", "import", archive)

    def kubectl(self, *words: str | Path, **options: Any) -> str:
        """Run kubectl; its output. Raises CalledProcessError."""
        options.setdefault("stdout", subprocess.PIPE)
        with_config = [tools.KUBECTL, f"--kubeconfig={self.control.kubeconfig}", *words]
        return (self.outside.run(*with_config, **options).stdout or "").strip()

    def get(self, *words: str) -> list[dict[str, Any]]:
        """Objects, as `kubectl get` finds them."""
        found = json.loads(self.kubectl("get", *words, "--output=json"))
        return list(found["items"]) if "items" in found else [found]

    def apply(self, text: str) -> None:
        """Make objects of a manifest."""
        self.kubectl("apply", "--filename=-", input=text)

    def wait(self, *words: str, timeout_s: float = READY_S) -> None:
        """`kubectl wait`, also for what is not there yet. The last word is the condition."""
        *what, condition = words
        deadline = time.monotonic() + timeout_s
        while True:
            command = ["wait", *what, f"--for={condition}", "--timeout=5s"]
            done = self.outside.try_run(
                tools.KUBECTL, f"--kubeconfig={self.control.kubeconfig}", *command
            )
            if done.returncode == 0:
                return
            if time.monotonic() > deadline:
                raise RuntimeError(f"{done.stderr}{self.story()}")
            time.sleep(0.2)

    def helm(self, program: Path, verb: str, *words: str | Path, chart: bool = False) -> str:
        """A verb of helm for the release of the guide."""
        named = [RELEASE, CHART] if chart else [RELEASE]
        config = [f"--kubeconfig={self.control.kubeconfig}", f"--namespace={NAMESPACE}"]
        return self.outside.run(
            program, verb, *named, *config, *words, cwd=ROOT, stdout=subprocess.PIPE
        ).stdout

    def remove_release(self) -> None:
        """Take away the release, its claims and what secrets tests made for it, if they are there."""
        uninstall = [tools.HELM4, "uninstall", RELEASE, "--ignore-not-found"]
        where = [f"--kubeconfig={self.control.kubeconfig}", f"--namespace={NAMESPACE}"]
        self.outside.run(*uninstall, *where, stdout=subprocess.DEVNULL)
        self.wait("pod", f"--namespace={NAMESPACE}", "--all", "delete")
        self.kubectl("delete", "persistentvolumeclaims", "--all", f"--namespace={NAMESPACE}")
        secrets = self.get("secrets", f"--namespace={NAMESPACE}")
        for made in [s["metadata"]["name"] for s in secrets if s["type"] == "Opaque"]:
            self.kubectl("delete", "secret", made, f"--namespace={NAMESPACE}")
        released = [v for v in self.get("persistentvolumes") if v["status"]["phase"] == "Released"]
        for volume in released:  # who empties and frees them is the cluster's provisioner
            self._empty(volume)
            free = '{"spec": {"claimRef": null}}'
            self.kubectl("patch", "persistentvolume", volume["metadata"]["name"], f"--patch={free}")

    def _empty(self, volume: dict[str, Any]) -> None:
        path = volume["spec"]["local"]["path"]
        for node in self.nodes:
            if volume["metadata"]["name"].startswith(f"{node.name}-"):
                node.run("find", path, "-mindepth", "1", "-delete")

    def pods(self, component: str, namespace: str = NAMESPACE) -> list[str]:
        """Names of a component's pods that are not on their way out."""
        found = self.get("pods", f"--namespace={namespace}", f"--selector=component={component}")
        return [p["metadata"]["name"] for p in found if "deletionTimestamp" not in p["metadata"]]

    def exec(self, pod: str, *words: str, namespace: str = NAMESPACE) -> str:
        """A command in a pod; its output."""
        options = {"stderr": subprocess.DEVNULL}  # which says what the default container is
        return self.kubectl("exec", f"--namespace={namespace}", pod, "--", *words, **options)

    def story(self) -> str:
        """What to look at when something did not come up."""
        parts = []
        for words in (
            ("get", "pods,pvc,pv", "--all-namespaces", "--output=wide"),
            ("get", "events", "--all-namespaces", "--sort-by=.lastTimestamp"),
        ):
            with suppress(subprocess.CalledProcessError):
                parts.append(self.kubectl(*words)[-6000:])
        return "\n".join(parts)


def _sysctl(name: str) -> Path:
    return Path("/proc/sys") / name


def _restore(values: dict[str, str]) -> None:
    for name, value in values.items():
        _sysctl(name).write_text(value)


def _remove_cgroups() -> None:
    """The groups of the nodes, the innermost first. They empty a moment after their processes."""
    for _ in range(50):
        groups = [g for top in Path("/sys/fs/cgroup").glob("*/mgk-*") for g in top.rglob("")]
        if not groups:
            return
        for group in sorted(groups, key=lambda path: len(path.parts), reverse=True):
            with suppress(OSError):
                group.rmdir()
        time.sleep(0.1)
