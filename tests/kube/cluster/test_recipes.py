"""The recipes of docs/kubernetes.md, read from there, on a real cluster.

In place of vLLM runs a program that gets its model the same way (HF_ENDPOINT with the Hub's paths, a
folder, or a Hugging Face cache) and opens its safetensors. One story, run in this order.
"""

from __future__ import annotations

import base64
import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.architecture.sources import ROOT
from tests.kube import tools
from tests.kube.archives import IMAGE
from tests.kube.chart import GUIDE, NAMESPACE
from tests.kube.cluster import network, pods
from tests.kube.cluster.cluster import Cluster
from tests.kube.cluster.hub import Hub
from tests.kube.cluster.store import Store
from tests.kube.cluster.test_models import csi_values, prepare_volume, until

pytestmark = pytest.mark.timeout(600)

PAGE = ROOT / "docs" / "kubernetes.md"
SIZE_BYTES = 12 << 20
REPO, PRIVATE, FILE = "org/model", "org/private", "model.safetensors"
TOKEN = "hf_of_a_reader"
STAND_IN = """
import hashlib, json, os, struct, sys, urllib.request
model = sys.argv[sys.argv.index("--model") + 1]
def lines(url):
    headers = {"Authorization": "Bearer " + os.environ["HF_TOKEN"]} if "HF_TOKEN" in os.environ else {}
    return urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=120)
def path():
    if os.path.isdir(model):
        return model + "/model.safetensors"
    if os.environ.get("HF_HUB_OFFLINE") == "1":
        folder = os.environ["HF_HUB_CACHE"] + "/models--" + model.replace("/", "--")
        revision = open(folder + "/refs/main").read().strip()
        return folder + "/snapshots/" + revision + "/model.safetensors"
    with open("/tmp/model.safetensors", "wb") as file:
        source = lines(os.environ["HF_ENDPOINT"] + "/" + model + "/resolve/main/model.safetensors")
        while data := source.read(1 << 20):
            file.write(data)
    return file.name
try:
    with open(path(), "rb") as file:
        tensors = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        assert all("dtype" in t for n, t in tensors.items() if n != "__metadata__") and tensors
        file.seek(0)
        print("loaded", hashlib.file_digest(file, "sha256").hexdigest(), flush=True)
except Exception as error:
    print("failed", error, flush=True)
import time; time.sleep(3600)
"""


def recipe(title: str) -> list[dict[str, Any]]:
    """The objects of a recipe's YAML, with our image, and the stand-in for the model server."""
    text = PAGE.read_text().split(f"\n### {title}\n")[1].split("\n##")[0]
    found = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    made = [one for block in found for one in yaml.safe_load_all(block)]
    for one in made:
        template = one.get("spec", {}).get("template")
        for container in template["spec"]["containers"] if template else ():
            if container["image"].startswith("vllm/"):
                container["command"] = ["python3", "-c", STAND_IN]
                del container["resources"]
                container.setdefault("volumeMounts", []).append(
                    {"name": "tmp", "mountPath": "/tmp"}
                )
                template["spec"].setdefault("volumes", []).append({"name": "tmp", "emptyDir": {}})
                spread = {"labelSelector": one["spec"]["selector"]}
                spread["topologyKey"] = "kubernetes.io/hostname"
                rule = {"requiredDuringSchedulingIgnoredDuringExecution": [spread]}
                template["spec"]["affinity"] = {"podAntiAffinity": rule}
                template["spec"]["terminationGracePeriodSeconds"] = 1
            container["image"] = IMAGE
    return made


def serves(cluster: Cluster, app: str, word: str, replicas: int = 2) -> None:
    """All pods of a Deployment have said this."""
    deadline = time.monotonic() + 90
    while len(found := cluster.get("pods", f"--selector=app={app}")) < replicas:
        assert time.monotonic() < deadline, cluster.story()
        time.sleep(0.2)
    for one in found:
        name = one["metadata"]["name"]
        cluster.wait("pod", name, "condition=Ready")
        until(cluster, name, word)


@pytest.fixture(scope="module")
def digest(cluster: Cluster, hub: Hub, store: Store) -> str:
    """The release with all that the recipes want; the sha256 of the public model."""
    values = recipe("A cluster without internet, and a bucket")[0]
    words = ["--create-namespace", f"--values={GUIDE / 'charts-config.yaml'}", *csi_values()]
    words += pods.values(seedPeer__extraEnv=values["seedPeer"]["extraEnv"], injector__enable=True)
    words += pods.values(seedPeer__config__objectStore=values["seedPeer"]["config"]["objectStore"])
    words += pods.values(manager__config__jobs__caFile="/etc/dragonfly/jobs/hub-ca.crt")
    assert hub.ca_file is not None
    ca = base64.b64encode(Path(hub.ca_file).read_bytes()).decode()
    pods.make(cluster, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    words += trusting("seedPeer") + trusting("dfdaemon")
    jobs = {"key": base64.b64encode(b"k" * 32).decode(), "hub-ca.crt": ca}
    about = {"name": "jobs", "namespace": NAMESPACE}
    pods.make(cluster, {"apiVersion": "v1", "kind": "Secret", "metadata": about, "data": jobs})
    words += pods.values(manager__existingJobsSecret="jobs")
    cluster.helm(tools.HELM4, "install", "--server-side=false", *words, chart=True)
    prepare_volume(cluster, store.create_bucket("recipes"), store)
    for component in ("csi", "seed-peer", "dfdaemon", "injector", "manager"):
        which = [f"--namespace={NAMESPACE}", f"--selector=component={component}"]
        cluster.wait("pod", *which, "condition=Ready")
    hub.call("post", "token", token=TOKEN, user="reader", granted=[PRIVATE])
    made = hub.create(REPO, {FILE: {"generated": SIZE_BYTES, "seed": 1}})
    return str(made["sha256"][FILE])


def trusting(component: str) -> list[str]:
    """The stand-in's certificates are of an authority of its own, as those of a mirror may be."""
    volume = {"name": "hub-ca", "secret": {"secretName": "jobs", "defaultMode": 0o440}}
    file = "/etc/hub-ca/hub-ca.crt"
    settings = {
        "extraVolumes": [volume],
        "extraVolumeMounts": [{"name": "hub-ca", "mountPath": "/etc/hub-ca", "readOnly": True}],
        "config.hub.caFile": file,
        "config.origin.caFile": file,
    }
    return pods.values(**{f"{component}.{name}": value for name, value in settings.items()})


@pytest.fixture(scope="module")
def token(cluster: Cluster, digest: str) -> str:
    """Of the manager's first user."""
    (secret,) = cluster.get("secret", "dragonfly-manager-root", f"--namespace={NAMESPACE}")
    password = base64.b64decode(secret["data"]["password"]).decode()
    sign_in = json.dumps({"name": "root", "password": password})
    told = manager(cluster, "/api/v1/users/signin", "--data", sign_in)
    return str(json.loads(told)["token"])


def manager(cluster: Cluster, path: str, *words: str) -> str:
    (service,) = cluster.get("service", "dragonfly-manager", f"--namespace={NAMESPACE}")
    url = f"http://{service['spec']['clusterIP']}:8080{path}"
    done = cluster.outside.try_run("curl", "--silent", "--show-error", "--fail", *words, url)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_by_hf_endpoint(cluster: Cluster, hub: Hub, digest: str) -> None:
    pods.make(cluster, *recipe("vLLM by HF_ENDPOINT"))
    serves(cluster, "vllm", f"loaded {digest}")
    assert hub.bytes_of(digest) <= SIZE_BYTES * 1.01


def test_by_the_injector(cluster: Cluster, hub: Hub, digest: str) -> None:
    pods.make(cluster, *recipe("vLLM by the injector"))
    serves(cluster, "vllm-injected", f"loaded {digest}")
    (pod, *_) = cluster.get("pods", "--selector=app=vllm-injected")
    mounts = {mount["mountPath"] for mount in pod["spec"]["containers"][0]["volumeMounts"]}
    assert "/var/run/dragonfly" in mounts
    assert hub.bytes_of(digest) <= SIZE_BYTES * 1.01


def test_by_csi(cluster: Cluster, digest: str, token: str) -> None:
    """The registry's own path: a volume is made known, a folder pushed, a pod mounts it by its tag."""
    (secret,) = cluster.get("secret", "volumes", f"--namespace={NAMESPACE}")
    url = base64.b64decode(secret["data"]["models"]).decode()
    push = (
        f"set -e; mkdir /tmp/m; python3 -c 'import urllib.request as u, os;"
        f' u.urlretrieve(os.environ["HF_ENDPOINT"] + "/{REPO}/resolve/main/{FILE}", "/tmp/m/{FILE}")\''
        f"; echo '{url}' | dfctl model volume set models"
        f"; dfctl model push /tmp/m {REPO}:prod --no-progress"
    )
    address = {"name": "DFCTL_MANAGER", "value": f"http://dragonfly-manager.{NAMESPACE}:8080"}
    env = [address, {"name": "DFCTL_TOKEN", "value": token}]
    asks = {"dragonfly.io/inject": "true"}
    pods.run(cluster, pods.pod("push", push, env=env, annotations=asks))
    pods.make(cluster, *recipe("vLLM by CSI"))
    serves(cluster, "vllm-mounted", f"loaded {digest}")


def test_a_job_preheats_every_node(cluster: Cluster, hub: Hub, digest: str, token: str) -> None:
    fresh = hub.create(REPO, {FILE: {"generated": SIZE_BYTES, "seed": 3}})["sha256"][FILE]
    cluster.kubectl("create", "secret", "generic", "preheat", f"--from-literal=token={token}")
    pods.make(cluster, *recipe("A Job that preheats, before pods are scaled out"))
    cluster.wait("job", "preheat", "condition=Complete")
    for node in cluster.nodes:
        assert node.run("grep", "--recursive", "--files-with-matches", fresh, "/var/lib/meganeura")
    assert hub.bytes_of(fresh) <= SIZE_BYTES * 1.01


def test_a_private_model_by_a_token_secret(cluster: Cluster, hub: Hub, digest: str) -> None:
    """The Hub sends it once: the second node has it of another host, over mutual TLS or not at all."""
    files = {FILE: {"generated": SIZE_BYTES, "seed": 2}}
    private = hub.create(PRIVATE, files, gated="manual")["sha256"][FILE]
    cluster.kubectl("create", "secret", "generic", "hf-token", f"--from-literal=token={TOKEN}")
    pods.make(cluster, *recipe("A private or gated model"))
    serves(cluster, "vllm-private", f"loaded {private}")
    assert hub.bytes_of(private) <= SIZE_BYTES * 1.01
    without = recipe("A private or gated model")[0]
    without["metadata"]["name"] = "curious"
    without["spec"]["template"]["spec"]["containers"][0]["env"].pop()
    without["spec"]["selector"] = {"matchLabels": {"app": "curious"}}
    without["spec"]["template"]["metadata"]["labels"] = {"app": "curious"}
    without["spec"]["template"]["spec"].pop("affinity")
    pods.make(cluster, without)
    serves(cluster, "curious", "failed HTTP Error 401")


def test_without_internet_by_a_bucket(cluster: Cluster, digest: str) -> None:
    objects = recipe("A cluster without internet, and a bucket")[1:]
    _hub_gate(cluster, "-I")
    try:
        pods.make(cluster, *objects)
        serves(cluster, "vllm-offline", "loaded")
    finally:
        _hub_gate(cluster, "-D")


def _hub_gate(cluster: Cluster, action: str) -> None:
    """Shut the way to the Hub for every node and pod, or open it again."""
    for node in cluster.nodes:
        for chain in ("OUTPUT", "FORWARD"):
            for address in (network.CONTROL, network.CDN):
                rule = ["-d", address, "-p", "tcp", "--dport", "443", "-j", "REJECT"]
                node.namespace.run("iptables", "-w", action, chain, *rule)


def test_all_of_it_goes(cluster: Cluster, digest: str) -> None:
    cluster.kubectl("delete", "deployments,jobs", "--all", "--wait=true")
    cluster.kubectl("delete", "secret", "hf-token", "preheat")
    cluster.wait("pod", "--all", "delete")
    cluster.kubectl("delete", "persistentvolumeclaim", "hf-cache")
    cluster.kubectl("delete", "persistentvolume", "hf-cache")
