"""The cluster's DNS: services and the pods behind headless ones, asked of the API server each second.

    dns.py ADDRESS API TOKEN NAME=ADDRESS...

Runs as a process of its own, standard library only. The further names are those of the stand-in origin.
Answers A over UDP; other types of a known name are answered empty, unknown names by NXDOMAIN.
"""

from __future__ import annotations

import json
import socket
import ssl
import struct
import sys
import threading
import time
import urllib.request
from typing import Any

SUFFIX = "svc.cluster.local"
TTL_S = 1
_TYPE_A = 1


class Names:
    """What is known, by lower-case name."""

    def __init__(self, api: str, token: str, fixed: dict[str, str]) -> None:
        self._api, self._token, self._fixed = api, token, fixed
        self._context = ssl._create_unverified_context()
        self.known: dict[str, list[str]] = {}
        self.refresh()

    def refresh(self) -> None:
        """Read services and endpoints; keep what was known where the API server does not answer."""
        try:
            services, endpoints = self._list("services"), self._list("endpoints")
        except OSError:
            return
        known = {name: [address] for name, address in self._fixed.items()}
        for one in services:
            address = one["spec"].get("clusterIP")
            if address not in (None, "", "None"):
                known[_full(one)] = [address]
        for one in endpoints:
            behind = [a for part in one.get("subsets") or [] for a in part.get("addresses") or []]
            known.setdefault(_full(one), [address["ip"] for address in behind])
            for address in behind:
                if "hostname" in address:
                    known[f"{address['hostname']}.{_full(one)}"] = [address["ip"]]
        self.known = known

    def _list(self, kind: str) -> list[dict[str, Any]]:
        request = urllib.request.Request(
            f"{self._api}/api/v1/{kind}", headers={"Authorization": f"Bearer {self._token}"}
        )
        with urllib.request.urlopen(request, timeout=5, context=self._context) as answer:
            items: list[dict[str, Any]] = json.load(answer)["items"]
        return items


def _full(one: dict[str, Any]) -> str:
    return f"{one['metadata']['name']}.{one['metadata']['namespace']}.{SUFFIX}".lower()


def answer(query: bytes, known: dict[str, list[str]]) -> bytes:
    """The reply to one question."""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode("ascii", "replace"))
        at += 1 + query[at]
    question = query[12 : at + 5]
    (kind,) = struct.unpack_from("!H", query, at + 1)
    addresses = known.get(".".join(labels).lower())
    shown = addresses if addresses and kind == _TYPE_A else []
    flags = 0x8580 | (0 if addresses is not None else 3)
    reply = query[:2] + struct.pack("!HHHHH", flags, 1, len(shown), 0, 0) + question
    for address in shown:
        reply += struct.pack("!HHHIH", 0xC00C, _TYPE_A, 1, TTL_S, 4) + socket.inet_aton(address)
    return reply


def main() -> None:
    """Serve until ended."""
    address, api, token, *fixed = sys.argv[1:]
    names = Names(api, token, dict(one.split("=") for one in fixed))

    def keep_fresh() -> None:
        while True:
            time.sleep(1)
            names.refresh()

    threading.Thread(target=keep_fresh, daemon=True).start()
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((address, 53))
    while True:
        query, asker = server.recvfrom(4096)
        try:
            server.sendto(answer(query, names.known), asker)
        except (IndexError, struct.error):
            continue


if __name__ == "__main__":
    main()
