from dfinfra.pb import manager_pb2 as _manager_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class WatchRequest(_message.Message):
    __slots__ = ("source_type", "hostname", "ip", "port", "download_port", "proxy_port", "idc", "location", "version", "os", "platform", "kernel_version", "cluster_id", "known_digest")
    SOURCE_TYPE_FIELD_NUMBER: _ClassVar[int]
    HOSTNAME_FIELD_NUMBER: _ClassVar[int]
    IP_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    DOWNLOAD_PORT_FIELD_NUMBER: _ClassVar[int]
    PROXY_PORT_FIELD_NUMBER: _ClassVar[int]
    IDC_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    OS_FIELD_NUMBER: _ClassVar[int]
    PLATFORM_FIELD_NUMBER: _ClassVar[int]
    KERNEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    CLUSTER_ID_FIELD_NUMBER: _ClassVar[int]
    KNOWN_DIGEST_FIELD_NUMBER: _ClassVar[int]
    source_type: _manager_pb2.SourceType
    hostname: str
    ip: str
    port: int
    download_port: int
    proxy_port: int
    idc: str
    location: str
    version: str
    os: str
    platform: str
    kernel_version: str
    cluster_id: int
    known_digest: str
    def __init__(self, source_type: _Optional[_Union[_manager_pb2.SourceType, str]] = ..., hostname: _Optional[str] = ..., ip: _Optional[str] = ..., port: _Optional[int] = ..., download_port: _Optional[int] = ..., proxy_port: _Optional[int] = ..., idc: _Optional[str] = ..., location: _Optional[str] = ..., version: _Optional[str] = ..., os: _Optional[str] = ..., platform: _Optional[str] = ..., kernel_version: _Optional[str] = ..., cluster_id: _Optional[int] = ..., known_digest: _Optional[str] = ...) -> None: ...

class Configuration(_message.Message):
    __slots__ = ("digest", "schedulers", "applications", "cluster", "seed_peer_cluster", "seed_peers", "ask_again_s", "stream_port")
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    SCHEDULERS_FIELD_NUMBER: _ClassVar[int]
    APPLICATIONS_FIELD_NUMBER: _ClassVar[int]
    CLUSTER_FIELD_NUMBER: _ClassVar[int]
    SEED_PEER_CLUSTER_FIELD_NUMBER: _ClassVar[int]
    SEED_PEERS_FIELD_NUMBER: _ClassVar[int]
    ASK_AGAIN_S_FIELD_NUMBER: _ClassVar[int]
    STREAM_PORT_FIELD_NUMBER: _ClassVar[int]
    digest: str
    schedulers: _containers.RepeatedCompositeFieldContainer[_manager_pb2.Scheduler]
    applications: _containers.RepeatedCompositeFieldContainer[_manager_pb2.Application]
    cluster: _manager_pb2.SchedulerCluster
    seed_peer_cluster: _manager_pb2.SeedPeerCluster
    seed_peers: _containers.RepeatedCompositeFieldContainer[_manager_pb2.SeedPeer]
    ask_again_s: int
    stream_port: int
    def __init__(self, digest: _Optional[str] = ..., schedulers: _Optional[_Iterable[_Union[_manager_pb2.Scheduler, _Mapping]]] = ..., applications: _Optional[_Iterable[_Union[_manager_pb2.Application, _Mapping]]] = ..., cluster: _Optional[_Union[_manager_pb2.SchedulerCluster, _Mapping]] = ..., seed_peer_cluster: _Optional[_Union[_manager_pb2.SeedPeerCluster, _Mapping]] = ..., seed_peers: _Optional[_Iterable[_Union[_manager_pb2.SeedPeer, _Mapping]]] = ..., ask_again_s: _Optional[int] = ..., stream_port: _Optional[int] = ...) -> None: ...
