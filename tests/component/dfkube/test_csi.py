"""The CSI driver, driven at its socket as a kubelet does, with a real volume behind it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
import yaml

from dfinfra.pb import csi_pb2 as csi
from dfinfra.pb import csi_pb2_grpc as rpc
from dfinfra.pb import pluginregistration_pb2 as registration
from dfinfra.pb import pluginregistration_pb2_grpc as registration_rpc
from dfkube.csi import binds, mounttable

REVISION = "models/org/bert/.versions/4f0c1a7be2d09c11"
WEIGHTS = b"weights" * 1000

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root"),
    pytest.mark.skipif(not os.path.exists("/dev/fuse"), reason="there is no /dev/fuse"),
]


def dffs(*arguments: str) -> None:
    command = [sys.executable, "-m", "dffs.cli.main", *arguments]
    subprocess.run(command, check=True, capture_output=True, timeout=60)


class Driver:
    """The driver's process, and what is below its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"sqlite:///{folder}/meta.db"
        self.socket = folder / "csi.sock"
        self.pods = folder / "pods"
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "url").write_text(self.url)
        config = {
            "nodeId": "node-1",
            "socket": str(self.socket),
            "kubeletSocket": "/var/lib/kubelet/plugins/csi.meganeura.io/csi.sock",
            "registryDir": str(folder / "registry"),
            "stateDir": str(folder / "state"),
            "volumes": {
                "models": {"urlFile": str(folder / "url"), "open": True},
                "closed": {"urlFile": str(folder / "url")},
            },
            "mountOptions": [
                f"--cache-dir={folder}/cache",
                "--free-space-ratio=0",
                "--no-daemon",
            ],
        }
        (folder / "csi.yaml").write_text(yaml.safe_dump(config))

    def start(self) -> None:
        ready = self.folder / "ready"
        ready.unlink(missing_ok=True)
        command = [sys.executable, "-m", "dfkube.csi", "--config", str(self.folder / "csi.yaml")]
        with (self.folder / "driver.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--ready-file", str(ready)], stdout=log, stderr=log
            )
        until(lambda: ready.exists() or self._ended())
        assert ready.exists(), (self.folder / "driver.log").read_text()

    def _ended(self) -> bool:
        return self._process is not None and self._process.poll() is not None

    def stop(self, number: int = signal.SIGTERM) -> None:
        assert self._process is not None
        self._process.send_signal(number)
        self._process.wait(20)

    @property
    def mounts(self) -> list[Path]:
        table = mounttable.mount_points(Path("/proc/self/mountinfo").read_text())
        return [Path(point) for point in table if point.startswith(f"{self.folder}/state/mounts/")]

    def node(self, channel: grpc.Channel) -> rpc.NodeStub:
        return rpc.NodeStub(channel)  # type: ignore[no-untyped-call]


def until(met, timeout_s: float = 30.0) -> None:  # type: ignore[no-untyped-def]
    end = time.monotonic() + timeout_s
    while not met():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    made = Driver(tmp_path_factory.mktemp("csi"))
    dffs("format", made.url, "models", "--bucket", str(made.folder / "objects"))
    source = made.folder / "source"
    (source / REVISION).mkdir(parents=True)
    (source / REVISION / "model.safetensors").write_bytes(WEIGHTS)
    (source / "models/org/bert/prod").symlink_to(".versions/4f0c1a7be2d09c11")
    (source / "models/other/secret").mkdir(parents=True)
    dffs("sync", f"{source}/", f"{made.url}#/", "--links", "--dirs")
    try:
        made.start()
        yield made
    finally:
        if not made._ended():
            made.stop()
        for target in made.pods.glob("*"):
            binds.unbind(target)
        for point in made.mounts:
            subprocess.run(["umount", "--lazy", str(point)], check=False)


@pytest.fixture
def channel(driver: Driver) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(f"unix:{driver.socket}") as made:
        grpc.channel_ready_future(made).result(20)
        yield made


def request(driver: Driver, pod: str, **changes: object) -> csi.NodePublishVolumeRequest:
    capability = csi.VolumeCapability()
    capability.mount.SetInParent()
    capability.access_mode.mode = csi.VolumeCapability.AccessMode.MULTI_NODE_MULTI_WRITER
    made = {
        "volume_id": f"csi-{pod}",
        "target_path": str(driver.pods / pod),
        "volume_capability": capability,
        "volume_context": {"volume": "models", "model": "org/bert@prod"},
    }
    return csi.NodePublishVolumeRequest(**(made | changes))  # type: ignore[arg-type]


def withdraw(driver: Driver, channel: grpc.Channel, pod: str) -> None:
    gone = csi.NodeUnpublishVolumeRequest(
        volume_id=f"csi-{pod}", target_path=str(driver.pods / pod)
    )
    driver.node(channel).NodeUnpublishVolume(gone)


def refusal(call, message) -> grpc.StatusCode:  # type: ignore[no-untyped-def]
    with pytest.raises(grpc.RpcError) as refused:
        call(message)
    return refused.value.code()  # type: ignore[no-any-return]


def test_a_pod_sees_its_model_alone_and_cannot_write(driver: Driver, channel: grpc.Channel) -> None:
    driver.node(channel).NodePublishVolume(request(driver, "one"))
    target = driver.pods / "one"
    assert [path.name for path in target.iterdir()] == ["model.safetensors"]
    assert (target / "model.safetensors").read_bytes() == WEIGHTS
    with pytest.raises(OSError, match="Read-only"):
        (target / "mine").write_text("x")
    withdraw(driver, channel, "one")
    assert not target.exists()


def test_pods_share_a_mount_and_the_last_takes_it_along(
    driver: Driver, channel: grpc.Channel
) -> None:
    node = driver.node(channel)
    for pod in ("one", "two"):
        node.NodePublishVolume(request(driver, pod))
        node.NodePublishVolume(request(driver, pod))
        assert mounttable.layers(driver.pods / pod) == 1
    assert len(driver.mounts) == 1
    withdraw(driver, channel, "one")
    assert (driver.pods / "two" / "model.safetensors").exists()
    for _ in range(2):
        withdraw(driver, channel, "two")
    assert not driver.mounts


def test_a_driver_that_was_killed_goes_on_and_a_mount_that_died_is_mounted_again(
    driver: Driver, channel: grpc.Channel
) -> None:
    driver.node(channel).NodePublishVolume(request(driver, "one"))
    driver.stop(signal.SIGKILL)
    assert (driver.pods / "one" / "model.safetensors").read_bytes() == WEIGHTS
    (point,) = driver.mounts
    subprocess.run(["umount", "--lazy", str(point)], check=True)
    driver.start()
    assert len(driver.mounts) == 1
    assert (driver.pods / "one" / "model.safetensors").read_bytes() == WEIGHTS
    with grpc.insecure_channel(f"unix:{driver.socket}") as fresh:
        withdraw(driver, fresh, "one")
    assert not driver.mounts


@pytest.fixture
def pod_namespace(driver: Driver) -> Iterator[int]:
    """A mount namespace that mounts below the pods' folder propagate to, as a node's do to a pod."""
    driver.pods.mkdir(exist_ok=True)
    pods = str(driver.pods)
    subprocess.run(["mount", "--bind", pods, pods], check=True)
    subprocess.run(["mount", "--make-shared", pods], check=True)
    unshare = ["unshare", "--mount", "--propagation", "slave", "sh", "-c", "echo in; exec cat"]
    pod = subprocess.Popen(unshare, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert pod.stdout is not None and pod.stdin is not None
    assert pod.stdout.readline() == b"in\n"
    yield pod.pid
    pod.stdin.close()
    pod.stdout.close()
    pod.wait(20)
    subprocess.run(["umount", "--lazy", pods], check=True)


def test_a_mount_is_read_only_wherever_it_propagates(
    driver: Driver, channel: grpc.Channel, pod_namespace: int
) -> None:
    driver.node(channel).NodePublishVolume(request(driver, "one"))
    rows = Path(f"/proc/{pod_namespace}/mountinfo").read_text().splitlines()
    (row,) = [row for row in rows if f" {driver.pods / 'one'} " in row]
    assert {"ro", "nosuid", "nodev"} <= set(row.split()[5].split(","))
    withdraw(driver, channel, "one")


def test_a_pod_sees_the_mount_that_comes_after_one_that_died(
    driver: Driver, channel: grpc.Channel, pod_namespace: int
) -> None:
    driver.node(channel).NodePublishVolume(request(driver, "one"))
    driver.stop(signal.SIGKILL)
    for process in Path("/proc").glob("[0-9]*"):
        words = b""
        with contextlib.suppress(OSError):
            words = (process / "cmdline").read_bytes()
        if b"dffs.cli.main\0mount" in words and str(driver.folder).encode() in words:
            os.kill(int(process.name), signal.SIGKILL)
    read = ["nsenter", f"--target={pod_namespace}", "--mount", "cat"]
    read.append(str(driver.pods / "one" / "model.safetensors"))
    until(lambda: subprocess.run(read, capture_output=True, check=False).returncode != 0)
    driver.start()
    until(lambda: subprocess.run(read, capture_output=True, check=False).stdout == WEIGHTS)
    with grpc.insecure_channel(f"unix:{driver.socket}") as fresh:
        withdraw(driver, fresh, "one")
    assert not driver.mounts


def test_a_folder_made_for_a_claim_is_written_and_has_a_quota(
    driver: Driver, channel: grpc.Channel
) -> None:
    controller = rpc.ControllerStub(channel)  # type: ignore[no-untyped-call]
    wish = csi.CreateVolumeRequest(
        name="pvc-1",
        capacity_range=csi.CapacityRange(required_bytes=1 << 20),
        volume_capabilities=[request(driver, "x").volume_capability],
        secrets={"metaURL": driver.url},
    )
    volume = controller.CreateVolume(wish).volume
    assert controller.CreateVolume(wish).volume == volume
    wish.capacity_range.required_bytes = 2 << 20
    assert refusal(controller.CreateVolume, wish) is grpc.StatusCode.ALREADY_EXISTS
    secrets = {"metaURL": driver.url}
    claimed = {"volume_context": dict(volume.volume_context), "secrets": secrets}
    driver.node(channel).NodePublishVolume(request(driver, "claim", **claimed))
    target = driver.pods / "claim"
    (target / "notes").write_text("mine")
    with pytest.raises(OSError):
        (target / "large").write_bytes(bytes(3 << 20))
    withdraw(driver, channel, "claim")
    gone = csi.DeleteVolumeRequest(volume_id=volume.volume_id, secrets=secrets)
    for _ in range(2):
        controller.DeleteVolume(gone)
    driver.node(channel)
    missing = request(driver, "claim", **claimed)
    assert refusal(driver.node(channel).NodePublishVolume, missing) is grpc.StatusCode.NOT_FOUND
    withdraw(driver, channel, "claim")


def test_a_persistent_volume_needs_no_secret(driver: Driver, channel: grpc.Channel) -> None:
    whole = {"volume": "closed", "csi.storage.k8s.io/ephemeral": "false"}
    driver.node(channel).NodePublishVolume(request(driver, "whole", volume_context=whole))
    assert (driver.pods / "whole" / REVISION / "model.safetensors").read_bytes() == WEIGHTS
    (driver.pods / "whole" / "mine").write_text("x")
    withdraw(driver, channel, "whole")


def test_what_the_specification_refuses_is_refused(driver: Driver, channel: grpc.Channel) -> None:
    node, codes = driver.node(channel), grpc.StatusCode
    block = csi.VolumeCapability()
    block.block.SetInParent()
    for field in ("volume_id", "target_path", "volume_capability"):
        broken = request(driver, "bad")
        broken.ClearField(field)
        assert refusal(node.NodePublishVolume, broken) is codes.INVALID_ARGUMENT
    cases = [
        (request(driver, "bad", volume_capability=block), codes.INVALID_ARGUMENT),
        (request(driver, "bad", target_path="relative"), codes.INVALID_ARGUMENT),
        (request(driver, "bad", volume_context={"nonsense": "1"}), codes.INVALID_ARGUMENT),
        (request(driver, "bad", volume_context={"volume": "unknown"}), codes.NOT_FOUND),
        (
            request(driver, "bad", volume_context={"volume": "models", "model": "org/none@x"}),
            codes.NOT_FOUND,
        ),
        (
            request(driver, "bad", volume_context={"volume": "closed", "model": "org/bert@prod"}),
            codes.PERMISSION_DENIED,
        ),
        (request(driver, "bad", volume_context={"volume": "models"}), codes.PERMISSION_DENIED),
    ]
    for wrong, code in cases:
        assert refusal(node.NodePublishVolume, wrong) is code
    assert refusal(node.NodeUnpublishVolume, csi.NodeUnpublishVolumeRequest()) is (
        codes.INVALID_ARGUMENT
    )
    withdraw(driver, channel, "bad")
    assert not driver.mounts, "nothing stays of what was refused"


def test_another_volume_at_the_same_place_is_refused(driver: Driver, channel: grpc.Channel) -> None:
    node = driver.node(channel)
    node.NodePublishVolume(request(driver, "one"))
    other = request(driver, "one", volume_id="another")
    assert refusal(node.NodePublishVolume, other) is grpc.StatusCode.ALREADY_EXISTS
    withdraw(driver, channel, "one")


def test_stats_and_identity(driver: Driver, channel: grpc.Channel) -> None:
    node = driver.node(channel)
    node.NodePublishVolume(request(driver, "one"))
    where = {"volume_id": "csi-one", "volume_path": str(driver.pods / "one")}
    usage = node.NodeGetVolumeStats(csi.NodeGetVolumeStatsRequest(**where)).usage
    assert {item.unit for item in usage} == {csi.VolumeUsage.BYTES, csi.VolumeUsage.INODES}
    withdraw(driver, channel, "one")
    gone = csi.NodeGetVolumeStatsRequest(**where)
    assert refusal(node.NodeGetVolumeStats, gone) is grpc.StatusCode.NOT_FOUND
    identity = rpc.IdentityStub(channel)  # type: ignore[no-untyped-call]
    info = identity.GetPluginInfo(csi.GetPluginInfoRequest())
    assert (info.name, bool(info.vendor_version)) == ("csi.meganeura.io", True)
    assert identity.Probe(csi.ProbeRequest()).ready.value
    assert node.NodeGetInfo(csi.NodeGetInfoRequest()).node_id == "node-1"


def test_the_kubelet_finds_the_driver_in_its_registry(driver: Driver) -> None:
    path = driver.folder / "registry" / "csi.meganeura.io-reg.sock"
    with grpc.insecure_channel(f"unix:{path}") as channel:
        stub = registration_rpc.RegistrationStub(channel)  # type: ignore[no-untyped-call]
        info = stub.GetInfo(registration.InfoRequest())
    assert (info.type, info.name) == ("CSIPlugin", "csi.meganeura.io")
    assert info.endpoint == "/var/lib/kubelet/plugins/csi.meganeura.io/csi.sock"


def test_secrets_are_in_no_argument_and_no_log(driver: Driver, channel: grpc.Channel) -> None:
    driver.node(channel).NodePublishVolume(request(driver, "one"))
    lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    ours = [line for line in lines if str(driver.folder).encode() in line]
    assert ours, "the mount is a process"
    assert not [line for line in ours if b"meta.db" in line]
    assert "meta.db" not in (driver.folder / "driver.log").read_text()
    withdraw(driver, channel, "one")
