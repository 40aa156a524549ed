"""One BitTorrent peer in the bed, by libtorrent: started on a host, prints when it has everything.

``torrent_peer.py TORRENT FOLDER ADDRESS PORT seed|super|leech PEER…`` with peers as ``address:port``.
It stays until its standard input ends, so that it goes on serving the others.
"""

from __future__ import annotations

import sys
import threading
import time

import libtorrent as lt


def main(torrent: str, folder: str, address: str, port: str, role: str, *peers: str) -> None:
    session = lt.session(
        {
            "listen_interfaces": f"{address}:{port}",
            "enable_dht": False,
            "enable_lsd": False,
            "enable_upnp": False,
            "enable_natpmp": False,
            "allow_multiple_connections_per_ip": True,
            "alert_mask": lt.alert.category_t.error_notification,
        }
    )
    params = lt.add_torrent_params()
    params.ti = lt.torrent_info(torrent)
    params.save_path = folder
    if role != "leech":
        params.flags |= lt.torrent_flags.seed_mode
    if role == "super":
        params.flags |= lt.torrent_flags.super_seeding
    handle = session.add_torrent(params)
    print("ready", flush=True)
    sys.stdin.readline()
    began = time.monotonic()
    for peer in peers:
        host, _, number = peer.rpartition(":")
        handle.connect_peer((host, int(number)))
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.readline(), ended.set()), daemon=True).start()
    told = role != "leech"
    while not ended.wait(0.05):
        if not told and handle.status().is_seeding:
            print(time.monotonic() - began, flush=True)
            told = True


if __name__ == "__main__":
    main(*sys.argv[1:])
