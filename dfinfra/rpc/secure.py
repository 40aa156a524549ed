"""gRPC over mutual TLS between the processes of a cluster, by its own authority.

gRPC compares names and cannot be told to leave that. Hosts are known by addresses that change, and
being of the cluster is what counts: so every certificate of the cluster bears one name more, which is
the one that is compared (``dfinfra.authority.HOST_NAME``).
"""

from __future__ import annotations

import grpc

from dfinfra.authority import HOST_NAME, Identity

CHANNEL_OPTIONS: tuple[tuple[str, str], ...] = (("grpc.ssl_target_name_override", HOST_NAME),)


def channel_credentials(identity: Identity) -> grpc.ChannelCredentials:
    """For calls to other processes of the cluster."""
    return grpc.ssl_channel_credentials(
        identity.ca.read_bytes(), identity.key.read_bytes(), identity.cert.read_bytes()
    )


def server_credentials(identity: Identity, *, require: bool = True) -> grpc.ServerCredentials:
    """For a listener: only callers of the cluster enter, unless ``require`` is false."""
    return grpc.ssl_server_credentials(
        [(identity.key.read_bytes(), identity.cert.read_bytes())],
        root_certificates=identity.ca.read_bytes(),
        require_client_auth=require,
    )
