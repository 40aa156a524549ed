"""Who may be a parent of a plain Dragonfly peer at all.

A plain peer asks its parents for whole pieces over SyncPieces and gives up on those that have none,
so a parent must hold something already. (Rules after Dragonfly's scheduling.go; the upload limit,
which Dragonfly stores but does not consult, is enforced.)
"""

from __future__ import annotations

from scheduler.policy import UploadPolicy
from scheduler.resource.host import Host
from scheduler.resource.peer import Peer


def upload_limit(host: Host, policy: UploadPolicy) -> int:
    return policy.seed_limit if host.info.seed else policy.peer_limit


def may_feed(parent: Peer, child: Peer, policy: UploadPolicy) -> bool:
    """Whether the child may be sent to the parent now."""
    host = parent.host
    return (
        host.serves
        and child.accepts(parent)
        and parent.holds_something
        and (host in child.sources or host.uploads < upload_limit(host, policy))
    )


def is_rooted(parent: Peer) -> bool:
    """Whether it gets, or has, its bytes without help of other plain peers."""
    return parent.complete or parent in parent.task.grants or (parent.seed and not parent.ended)
