"""What a user would take instead, in the same bed and with the same file.

Every host from the origin; an nginx ``proxy_cache`` in the seed's place; a BitTorrent swarm whose
first seed is the origin (libtorrent, with and without super-seeding).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import libtorrent as lt

from bench import measure
from bench.netbed import torrent_peer
from bench.netbed.bed import ORIGIN, SEED, Bed
from bench.nginx import NginxCache

CACHE_PORT = 8081
CACHE_BYTES = 20 << 30
TORRENT_PORT = 6881
PIECE_BYTES = 1 << 20


def direct(bed: Bed, name: str) -> float:
    """Seconds until the last host has the file from the origin."""
    return _all_hosts(bed, f"{bed.origin_url}/{name}")


def nginx_cache(bed: Bed, name: str) -> float:
    """Seconds until the last host has the file from a cache on the seed's host."""
    folder = bed.folder / "nginx-cache"
    shutil.rmtree(folder, ignore_errors=True)
    place = {"address": bed.net.address(SEED), "prefix": bed.net.inside(SEED), "port": CACHE_PORT}
    with NginxCache(folder, bed.origin_url, CACHE_BYTES, **place) as cache:
        return _all_hosts(bed, f"{cache.url}/{name}")


def torrent(bed: Bed, name: str, *, super_seeding: bool) -> float:
    """Seconds until the last host has the file from a BitTorrent swarm."""
    path = _make_torrent(bed.root / name, bed.folder / f"{name}.torrent")
    hosts = [SEED, *(f"n{i}" for i in range(bed.plan.nodes))]
    with ExitStack() as stack:
        role = "super" if super_seeding else "seed"
        origin = _peer(bed, stack, ORIGIN, path, bed.root, role, [])
        _say(origin)
        peers = []
        for index, host in enumerate(hosts):
            folder = bed.folder / "torrent" / host
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            others = [ORIGIN, *hosts[:index]]
            peers.append(_peer(bed, stack, host, path, folder, "leech", others))
        for peer in peers:
            _say(peer)
        took = [float(_line(peer)) for peer in peers]
    return max(took[1:])


def _all_hosts(bed: Bed, url: str) -> float:
    curls = [measure.start_curl(url, prefix=bed.net.inside(f"n{i}")) for i in range(bed.plan.nodes)]
    return max(measure.ended(curl).total_s for curl in curls)


def _make_torrent(source: Path, target: Path) -> Path:
    storage = lt.file_storage()
    lt.add_files(storage, str(source))
    made = lt.create_torrent(storage, PIECE_BYTES, lt.create_torrent.v1_only)
    lt.set_piece_hashes(made, str(source.parent))
    target.write_bytes(lt.bencode(made.generate()))
    return target


def _peer(
    bed: Bed,
    stack: ExitStack,
    host: str,
    path: Path,
    folder: Path,
    role: str,
    others: list[str],
) -> subprocess.Popen[str]:
    command = [sys.executable, str(Path(torrent_peer.__file__)), str(path), str(folder)]
    command += [bed.net.address(host), str(TORRENT_PORT), role]
    command += [f"{bed.net.address(other)}:{TORRENT_PORT}" for other in others]
    process = bed.run(host, command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    stack.callback(process.wait)
    stack.callback(process.communicate)
    if _line(process) != "ready":
        raise RuntimeError(f"the BitTorrent peer on {host} did not start")
    return process


def _say(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()
