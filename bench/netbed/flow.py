"""One TCP flow between two hosts of the bed, for the goodput that a bound is reckoned from.

``python flow.py serve ADDRESS PORT SECONDS`` sends to whoever connects; ``python flow.py take ADDRESS
PORT`` receives and prints bytes per second. Standard library only: it is started inside namespaces.
"""

from __future__ import annotations

import socket
import sys
import time

BLOCK = bytes(1 << 18)
WARM_UP_S = 0.5


def serve(address: str, port: int, seconds: float) -> None:
    with socket.create_server((address, port)) as server:
        print("ready", flush=True)
        connection, _ = server.accept()
        with connection:
            end = time.monotonic() + seconds
            try:
                while time.monotonic() < end:
                    connection.sendall(BLOCK)
            except ConnectionError:
                return


def take(address: str, port: int) -> float:
    buffer = bytearray(1 << 18)
    with socket.create_connection((address, port)) as connection:
        warm = time.monotonic() + WARM_UP_S
        while time.monotonic() < warm:
            connection.recv_into(buffer)
        began, received = time.monotonic(), 0
        while count := connection.recv_into(buffer):
            received += count
        return received / (time.monotonic() - began)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
    else:
        print(take(sys.argv[2], int(sys.argv[3])))
