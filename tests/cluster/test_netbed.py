"""A swarm of four hosts on links of a set rate: each gets the file, and the origin sends it once.

Needs root (network namespaces) and nginx; elsewhere it is skipped, and the reason is in the summary.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import pytest

from bench import swarm
from bench.measure import SWARM_HEADER
from bench.netbed.bed import ORIGIN, PORTS, Bed, BedPlan

SIZE_BYTES = 24 << 20
HOSTS = 4

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
    pytest.mark.skipif(
        shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin:/bin") is None,
        reason="nginx is not installed: it is the origin of the test bed",
    ),
]


@pytest.fixture(scope="module")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Bed:
    with Bed(tmp_path_factory.mktemp("bed"), BedPlan(HOSTS, 100.0)) as made:
        yield made  # type: ignore[misc]


def test_four_hosts_have_the_file_and_the_origin_sent_it_once(bed: Bed) -> None:
    swarm.make_files(bed.root, SIZE_BYTES, 1)
    name = "file-0.bin"
    wanted = hashlib.sha256((bed.root / name).read_bytes()).hexdigest()
    before = bed.sent_bytes(ORIGIN)
    got = [bed.folder / f"got-{index}" for index in range(HOSTS)]
    curls = [
        bed.run(f"n{index}", _curl(f"{bed.origin_url}/{name}", target))
        for index, target in enumerate(got)
    ]
    assert [curl.wait(60) for curl in curls] == [0] * HOSTS
    assert {hashlib.sha256(path.read_bytes()).hexdigest() for path in got} == {wanted}
    # Frames, acknowledgements and one request more are what may come on top.
    assert (bed.sent_bytes(ORIGIN) - before) / SIZE_BYTES <= 1.05
    assert sum(bed.figures(f"n{index}").traffic.peer for index in range(HOSTS)) > 0


def test_nothing_of_a_bed_is_left(bed: Bed) -> None:
    with Bed(bed.folder / "second", BedPlan(1, 100.0), daemons=False) as second:
        tag = second.net.tag
        assert tag in _namespaces()
    assert tag not in _namespaces()


def _curl(url: str, target: Path) -> list[str]:
    proxy = f"http://127.0.0.1:{PORTS.proxy}"
    return ["curl", "-sS", "-m", "50", "-x", proxy, "-H", SWARM_HEADER, "-o", str(target), url]


def _namespaces() -> str:
    return " ".join(path.name for path in Path("/run/netns").glob("*"))
