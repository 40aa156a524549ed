from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Hello(_message.Message):
    __slots__ = ("host_id", "ip", "port", "seed", "version", "hostname")
    HOST_ID_FIELD_NUMBER: _ClassVar[int]
    IP_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    HOSTNAME_FIELD_NUMBER: _ClassVar[int]
    host_id: str
    ip: str
    port: int
    seed: bool
    version: int
    hostname: str
    def __init__(self, host_id: _Optional[str] = ..., ip: _Optional[str] = ..., port: _Optional[int] = ..., seed: _Optional[bool] = ..., version: _Optional[int] = ..., hostname: _Optional[str] = ...) -> None: ...

class Frame(_message.Message):
    __slots__ = ("join", "joined", "want", "have", "leave", "failed", "ask", "answer")
    JOIN_FIELD_NUMBER: _ClassVar[int]
    JOINED_FIELD_NUMBER: _ClassVar[int]
    WANT_FIELD_NUMBER: _ClassVar[int]
    HAVE_FIELD_NUMBER: _ClassVar[int]
    LEAVE_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    ASK_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    join: Join
    joined: Joined
    want: Want
    have: Have
    leave: Leave
    failed: Failed
    ask: Ask
    answer: Answer
    def __init__(self, join: _Optional[_Union[Join, _Mapping]] = ..., joined: _Optional[_Union[Joined, _Mapping]] = ..., want: _Optional[_Union[Want, _Mapping]] = ..., have: _Optional[_Union[Have, _Mapping]] = ..., leave: _Optional[_Union[Leave, _Mapping]] = ..., failed: _Optional[_Union[Failed, _Mapping]] = ..., ask: _Optional[_Union[Ask, _Mapping]] = ..., answer: _Optional[_Union[Answer, _Mapping]] = ...) -> None: ...

class TaskSpec(_message.Message):
    __slots__ = ("url", "request_headers", "digest", "size_bytes", "content", "tag", "application", "filtered_query_params", "piece_length", "restricted", "validator", "priority", "task_id", "revision", "insecure_skip_verify")
    class RequestHeadersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    URL_FIELD_NUMBER: _ClassVar[int]
    REQUEST_HEADERS_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    TAG_FIELD_NUMBER: _ClassVar[int]
    APPLICATION_FIELD_NUMBER: _ClassVar[int]
    FILTERED_QUERY_PARAMS_FIELD_NUMBER: _ClassVar[int]
    PIECE_LENGTH_FIELD_NUMBER: _ClassVar[int]
    RESTRICTED_FIELD_NUMBER: _ClassVar[int]
    VALIDATOR_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    INSECURE_SKIP_VERIFY_FIELD_NUMBER: _ClassVar[int]
    url: str
    request_headers: _containers.ScalarMap[str, str]
    digest: str
    size_bytes: int
    content: str
    tag: str
    application: str
    filtered_query_params: _containers.RepeatedScalarFieldContainer[str]
    piece_length: int
    restricted: bool
    validator: str
    priority: int
    task_id: str
    revision: str
    insecure_skip_verify: bool
    def __init__(self, url: _Optional[str] = ..., request_headers: _Optional[_Mapping[str, str]] = ..., digest: _Optional[str] = ..., size_bytes: _Optional[int] = ..., content: _Optional[str] = ..., tag: _Optional[str] = ..., application: _Optional[str] = ..., filtered_query_params: _Optional[_Iterable[str]] = ..., piece_length: _Optional[int] = ..., restricted: _Optional[bool] = ..., validator: _Optional[str] = ..., priority: _Optional[int] = ..., task_id: _Optional[str] = ..., revision: _Optional[str] = ..., insecure_skip_verify: _Optional[bool] = ...) -> None: ...

class Span(_message.Message):
    __slots__ = ("start", "end")
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    start: int
    end: int
    def __init__(self, start: _Optional[int] = ..., end: _Optional[int] = ...) -> None: ...

class Join(_message.Message):
    __slots__ = ("task_id", "peer_id", "spec", "held", "wanted", "complete", "wanted_ranges", "traceparent")
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    PEER_ID_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    HELD_FIELD_NUMBER: _ClassVar[int]
    WANTED_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    WANTED_RANGES_FIELD_NUMBER: _ClassVar[int]
    TRACEPARENT_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    peer_id: str
    spec: TaskSpec
    held: bytes
    wanted: bytes
    complete: bool
    wanted_ranges: _containers.RepeatedCompositeFieldContainer[Span]
    traceparent: str
    def __init__(self, task_id: _Optional[str] = ..., peer_id: _Optional[str] = ..., spec: _Optional[_Union[TaskSpec, _Mapping]] = ..., held: _Optional[bytes] = ..., wanted: _Optional[bytes] = ..., complete: _Optional[bool] = ..., wanted_ranges: _Optional[_Iterable[_Union[Span, _Mapping]]] = ..., traceparent: _Optional[str] = ...) -> None: ...

class Joined(_message.Message):
    __slots__ = ("task_id", "size_bytes", "piece_length", "unit_length", "held", "digests", "response_headers", "complete", "digest", "restricted", "validator", "peer_id")
    class ResponseHeadersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    PIECE_LENGTH_FIELD_NUMBER: _ClassVar[int]
    UNIT_LENGTH_FIELD_NUMBER: _ClassVar[int]
    HELD_FIELD_NUMBER: _ClassVar[int]
    DIGESTS_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_HEADERS_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    RESTRICTED_FIELD_NUMBER: _ClassVar[int]
    VALIDATOR_FIELD_NUMBER: _ClassVar[int]
    PEER_ID_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    size_bytes: int
    piece_length: int
    unit_length: int
    held: bytes
    digests: bytes
    response_headers: _containers.ScalarMap[str, str]
    complete: bool
    digest: str
    restricted: bool
    validator: str
    peer_id: str
    def __init__(self, task_id: _Optional[str] = ..., size_bytes: _Optional[int] = ..., piece_length: _Optional[int] = ..., unit_length: _Optional[int] = ..., held: _Optional[bytes] = ..., digests: _Optional[bytes] = ..., response_headers: _Optional[_Mapping[str, str]] = ..., complete: _Optional[bool] = ..., digest: _Optional[str] = ..., restricted: _Optional[bool] = ..., validator: _Optional[str] = ..., peer_id: _Optional[str] = ...) -> None: ...

class Want(_message.Message):
    __slots__ = ("task_id", "ranges")
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    RANGES_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    ranges: _containers.RepeatedCompositeFieldContainer[Span]
    def __init__(self, task_id: _Optional[str] = ..., ranges: _Optional[_Iterable[_Union[Span, _Mapping]]] = ...) -> None: ...

class Have(_message.Message):
    __slots__ = ("task_id", "units", "digests", "complete")
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    DIGESTS_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    units: _containers.RepeatedScalarFieldContainer[int]
    digests: bytes
    complete: bool
    def __init__(self, task_id: _Optional[str] = ..., units: _Optional[_Iterable[int]] = ..., digests: _Optional[bytes] = ..., complete: _Optional[bool] = ...) -> None: ...

class Leave(_message.Message):
    __slots__ = ("task_id",)
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    def __init__(self, task_id: _Optional[str] = ...) -> None: ...

class Failed(_message.Message):
    __slots__ = ("task_id", "code", "message", "http_status", "headers", "body", "retryable")
    class HeadersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    HTTP_STATUS_FIELD_NUMBER: _ClassVar[int]
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    RETRYABLE_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    code: str
    message: str
    http_status: int
    headers: _containers.ScalarMap[str, str]
    body: bytes
    retryable: bool
    def __init__(self, task_id: _Optional[str] = ..., code: _Optional[str] = ..., message: _Optional[str] = ..., http_status: _Optional[int] = ..., headers: _Optional[_Mapping[str, str]] = ..., body: _Optional[bytes] = ..., retryable: _Optional[bool] = ...) -> None: ...

class Header(_message.Message):
    __slots__ = ("name", "value")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: str
    def __init__(self, name: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...

class Ask(_message.Message):
    __slots__ = ("id", "kind", "method", "url", "headers", "body", "traceparent")
    class HeadersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    TRACEPARENT_FIELD_NUMBER: _ClassVar[int]
    id: int
    kind: str
    method: str
    url: str
    headers: _containers.ScalarMap[str, str]
    body: bytes
    traceparent: str
    def __init__(self, id: _Optional[int] = ..., kind: _Optional[str] = ..., method: _Optional[str] = ..., url: _Optional[str] = ..., headers: _Optional[_Mapping[str, str]] = ..., body: _Optional[bytes] = ..., traceparent: _Optional[str] = ...) -> None: ...

class Answer(_message.Message):
    __slots__ = ("id", "status", "headers", "body", "source")
    ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    id: int
    status: int
    headers: _containers.RepeatedCompositeFieldContainer[Header]
    body: bytes
    source: str
    def __init__(self, id: _Optional[int] = ..., status: _Optional[int] = ..., headers: _Optional[_Iterable[_Union[Header, _Mapping]]] = ..., body: _Optional[bytes] = ..., source: _Optional[str] = ...) -> None: ...

class HeldBlob(_message.Message):
    __slots__ = ("task_id", "size_bytes", "complete", "url", "peer_id")
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    PEER_ID_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    size_bytes: int
    complete: bool
    url: str
    peer_id: str
    def __init__(self, task_id: _Optional[str] = ..., size_bytes: _Optional[int] = ..., complete: _Optional[bool] = ..., url: _Optional[str] = ..., peer_id: _Optional[str] = ...) -> None: ...

class AnnounceBlobsRequest(_message.Message):
    __slots__ = ("host_id", "blobs", "replace", "more")
    HOST_ID_FIELD_NUMBER: _ClassVar[int]
    BLOBS_FIELD_NUMBER: _ClassVar[int]
    REPLACE_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    host_id: str
    blobs: _containers.RepeatedCompositeFieldContainer[HeldBlob]
    replace: bool
    more: bool
    def __init__(self, host_id: _Optional[str] = ..., blobs: _Optional[_Iterable[_Union[HeldBlob, _Mapping]]] = ..., replace: _Optional[bool] = ..., more: _Optional[bool] = ...) -> None: ...

class AnnounceBlobsResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListPeersRequest(_message.Message):
    __slots__ = ("task_id", "host_id", "limit")
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    HOST_ID_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    host_id: str
    limit: int
    def __init__(self, task_id: _Optional[str] = ..., host_id: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class PeerInfo(_message.Message):
    __slots__ = ("peer_id", "task_id", "host_id", "state", "finished_bytes", "size_bytes", "seed", "url")
    PEER_ID_FIELD_NUMBER: _ClassVar[int]
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    HOST_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    FINISHED_BYTES_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    peer_id: str
    task_id: str
    host_id: str
    state: str
    finished_bytes: int
    size_bytes: int
    seed: bool
    url: str
    def __init__(self, peer_id: _Optional[str] = ..., task_id: _Optional[str] = ..., host_id: _Optional[str] = ..., state: _Optional[str] = ..., finished_bytes: _Optional[int] = ..., size_bytes: _Optional[int] = ..., seed: _Optional[bool] = ..., url: _Optional[str] = ...) -> None: ...

class ListPeersResponse(_message.Message):
    __slots__ = ("peers",)
    PEERS_FIELD_NUMBER: _ClassVar[int]
    peers: _containers.RepeatedCompositeFieldContainer[PeerInfo]
    def __init__(self, peers: _Optional[_Iterable[_Union[PeerInfo, _Mapping]]] = ...) -> None: ...

class ListTasksRequest(_message.Message):
    __slots__ = ("task_id", "limit")
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    limit: int
    def __init__(self, task_id: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class TaskInfo(_message.Message):
    __slots__ = ("task_id", "url", "state", "size_bytes", "peer_count", "complete_count")
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    PEER_COUNT_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_COUNT_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    url: str
    state: str
    size_bytes: int
    peer_count: int
    complete_count: int
    def __init__(self, task_id: _Optional[str] = ..., url: _Optional[str] = ..., state: _Optional[str] = ..., size_bytes: _Optional[int] = ..., peer_count: _Optional[int] = ..., complete_count: _Optional[int] = ...) -> None: ...

class ListTasksResponse(_message.Message):
    __slots__ = ("tasks",)
    TASKS_FIELD_NUMBER: _ClassVar[int]
    tasks: _containers.RepeatedCompositeFieldContainer[TaskInfo]
    def __init__(self, tasks: _Optional[_Iterable[_Union[TaskInfo, _Mapping]]] = ...) -> None: ...

class DescribeSwarmRequest(_message.Message):
    __slots__ = ("hosts", "task_limit", "notes_after")
    HOSTS_FIELD_NUMBER: _ClassVar[int]
    TASK_LIMIT_FIELD_NUMBER: _ClassVar[int]
    NOTES_AFTER_FIELD_NUMBER: _ClassVar[int]
    hosts: bool
    task_limit: int
    notes_after: int
    def __init__(self, hosts: _Optional[bool] = ..., task_limit: _Optional[int] = ..., notes_after: _Optional[int] = ...) -> None: ...

class DescribeSwarmResponse(_message.Message):
    __slots__ = ("boot_id", "host_count", "task_count", "peer_count", "tasks", "hosts", "traffic", "notes")
    BOOT_ID_FIELD_NUMBER: _ClassVar[int]
    HOST_COUNT_FIELD_NUMBER: _ClassVar[int]
    TASK_COUNT_FIELD_NUMBER: _ClassVar[int]
    PEER_COUNT_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    HOSTS_FIELD_NUMBER: _ClassVar[int]
    TRAFFIC_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    boot_id: str
    host_count: int
    task_count: int
    peer_count: int
    tasks: _containers.RepeatedCompositeFieldContainer[SwarmTask]
    hosts: _containers.RepeatedCompositeFieldContainer[SwarmHost]
    traffic: SwarmTraffic
    notes: _containers.RepeatedCompositeFieldContainer[SwarmNote]
    def __init__(self, boot_id: _Optional[str] = ..., host_count: _Optional[int] = ..., task_count: _Optional[int] = ..., peer_count: _Optional[int] = ..., tasks: _Optional[_Iterable[_Union[SwarmTask, _Mapping]]] = ..., hosts: _Optional[_Iterable[_Union[SwarmHost, _Mapping]]] = ..., traffic: _Optional[_Union[SwarmTraffic, _Mapping]] = ..., notes: _Optional[_Iterable[_Union[SwarmNote, _Mapping]]] = ...) -> None: ...

class SwarmTraffic(_message.Message):
    __slots__ = ("origin_to_seeds", "origin_to_peers", "seeds_to_peers", "peers_to_peers")
    ORIGIN_TO_SEEDS_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_TO_PEERS_FIELD_NUMBER: _ClassVar[int]
    SEEDS_TO_PEERS_FIELD_NUMBER: _ClassVar[int]
    PEERS_TO_PEERS_FIELD_NUMBER: _ClassVar[int]
    origin_to_seeds: int
    origin_to_peers: int
    seeds_to_peers: int
    peers_to_peers: int
    def __init__(self, origin_to_seeds: _Optional[int] = ..., origin_to_peers: _Optional[int] = ..., seeds_to_peers: _Optional[int] = ..., peers_to_peers: _Optional[int] = ...) -> None: ...

class SwarmNote(_message.Message):
    __slots__ = ("number", "at_ms", "kind", "host_id", "task_id", "text")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    HOST_ID_FIELD_NUMBER: _ClassVar[int]
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    number: int
    at_ms: int
    kind: str
    host_id: str
    task_id: str
    text: str
    def __init__(self, number: _Optional[int] = ..., at_ms: _Optional[int] = ..., kind: _Optional[str] = ..., host_id: _Optional[str] = ..., task_id: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class SwarmTask(_message.Message):
    __slots__ = ("task", "running_count", "running_bytes", "bytes_per_s", "tag", "application", "digest", "created_ms", "updated_ms")
    TASK_FIELD_NUMBER: _ClassVar[int]
    RUNNING_COUNT_FIELD_NUMBER: _ClassVar[int]
    RUNNING_BYTES_FIELD_NUMBER: _ClassVar[int]
    BYTES_PER_S_FIELD_NUMBER: _ClassVar[int]
    TAG_FIELD_NUMBER: _ClassVar[int]
    APPLICATION_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    CREATED_MS_FIELD_NUMBER: _ClassVar[int]
    UPDATED_MS_FIELD_NUMBER: _ClassVar[int]
    task: TaskInfo
    running_count: int
    running_bytes: int
    bytes_per_s: int
    tag: str
    application: str
    digest: str
    created_ms: int
    updated_ms: int
    def __init__(self, task: _Optional[_Union[TaskInfo, _Mapping]] = ..., running_count: _Optional[int] = ..., running_bytes: _Optional[int] = ..., bytes_per_s: _Optional[int] = ..., tag: _Optional[str] = ..., application: _Optional[str] = ..., digest: _Optional[str] = ..., created_ms: _Optional[int] = ..., updated_ms: _Optional[int] = ...) -> None: ...

class SwarmHost(_message.Message):
    __slots__ = ("host_id", "hostname", "ip", "port", "seed", "own", "idc", "location", "version", "cpu_percent", "memory_percent", "disk_total", "disk_used", "rx_bps", "tx_bps", "served_bps", "task_count", "running_count", "quarantined", "disable_shared", "announced_ms", "cluster_id")
    HOST_ID_FIELD_NUMBER: _ClassVar[int]
    HOSTNAME_FIELD_NUMBER: _ClassVar[int]
    IP_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    OWN_FIELD_NUMBER: _ClassVar[int]
    IDC_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CPU_PERCENT_FIELD_NUMBER: _ClassVar[int]
    MEMORY_PERCENT_FIELD_NUMBER: _ClassVar[int]
    DISK_TOTAL_FIELD_NUMBER: _ClassVar[int]
    DISK_USED_FIELD_NUMBER: _ClassVar[int]
    RX_BPS_FIELD_NUMBER: _ClassVar[int]
    TX_BPS_FIELD_NUMBER: _ClassVar[int]
    SERVED_BPS_FIELD_NUMBER: _ClassVar[int]
    TASK_COUNT_FIELD_NUMBER: _ClassVar[int]
    RUNNING_COUNT_FIELD_NUMBER: _ClassVar[int]
    QUARANTINED_FIELD_NUMBER: _ClassVar[int]
    DISABLE_SHARED_FIELD_NUMBER: _ClassVar[int]
    ANNOUNCED_MS_FIELD_NUMBER: _ClassVar[int]
    CLUSTER_ID_FIELD_NUMBER: _ClassVar[int]
    host_id: str
    hostname: str
    ip: str
    port: int
    seed: bool
    own: bool
    idc: str
    location: str
    version: str
    cpu_percent: float
    memory_percent: float
    disk_total: int
    disk_used: int
    rx_bps: int
    tx_bps: int
    served_bps: int
    task_count: int
    running_count: int
    quarantined: bool
    disable_shared: bool
    announced_ms: int
    cluster_id: int
    def __init__(self, host_id: _Optional[str] = ..., hostname: _Optional[str] = ..., ip: _Optional[str] = ..., port: _Optional[int] = ..., seed: _Optional[bool] = ..., own: _Optional[bool] = ..., idc: _Optional[str] = ..., location: _Optional[str] = ..., version: _Optional[str] = ..., cpu_percent: _Optional[float] = ..., memory_percent: _Optional[float] = ..., disk_total: _Optional[int] = ..., disk_used: _Optional[int] = ..., rx_bps: _Optional[int] = ..., tx_bps: _Optional[int] = ..., served_bps: _Optional[int] = ..., task_count: _Optional[int] = ..., running_count: _Optional[int] = ..., quarantined: _Optional[bool] = ..., disable_shared: _Optional[bool] = ..., announced_ms: _Optional[int] = ..., cluster_id: _Optional[int] = ...) -> None: ...

class DescribeTaskRequest(_message.Message):
    __slots__ = ("task_id", "peer_limit")
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    PEER_LIMIT_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    peer_limit: int
    def __init__(self, task_id: _Optional[str] = ..., peer_limit: _Optional[int] = ...) -> None: ...

class DescribeTaskResponse(_message.Message):
    __slots__ = ("task", "piece_length", "piece_count", "peers", "feeder_host_id", "hosts")
    TASK_FIELD_NUMBER: _ClassVar[int]
    PIECE_LENGTH_FIELD_NUMBER: _ClassVar[int]
    PIECE_COUNT_FIELD_NUMBER: _ClassVar[int]
    PEERS_FIELD_NUMBER: _ClassVar[int]
    FEEDER_HOST_ID_FIELD_NUMBER: _ClassVar[int]
    HOSTS_FIELD_NUMBER: _ClassVar[int]
    task: SwarmTask
    piece_length: int
    piece_count: int
    peers: _containers.RepeatedCompositeFieldContainer[SwarmPeer]
    feeder_host_id: str
    hosts: _containers.RepeatedCompositeFieldContainer[SwarmHost]
    def __init__(self, task: _Optional[_Union[SwarmTask, _Mapping]] = ..., piece_length: _Optional[int] = ..., piece_count: _Optional[int] = ..., peers: _Optional[_Iterable[_Union[SwarmPeer, _Mapping]]] = ..., feeder_host_id: _Optional[str] = ..., hosts: _Optional[_Iterable[_Union[SwarmHost, _Mapping]]] = ...) -> None: ...

class SwarmPeer(_message.Message):
    __slots__ = ("peer", "complete", "pieces", "bytes_per_s", "sources", "neighbours", "created_ms", "updated_ms")
    PEER_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    PIECES_FIELD_NUMBER: _ClassVar[int]
    BYTES_PER_S_FIELD_NUMBER: _ClassVar[int]
    SOURCES_FIELD_NUMBER: _ClassVar[int]
    NEIGHBOURS_FIELD_NUMBER: _ClassVar[int]
    CREATED_MS_FIELD_NUMBER: _ClassVar[int]
    UPDATED_MS_FIELD_NUMBER: _ClassVar[int]
    peer: PeerInfo
    complete: bool
    pieces: bytes
    bytes_per_s: int
    sources: _containers.RepeatedCompositeFieldContainer[SwarmSource]
    neighbours: _containers.RepeatedScalarFieldContainer[str]
    created_ms: int
    updated_ms: int
    def __init__(self, peer: _Optional[_Union[PeerInfo, _Mapping]] = ..., complete: _Optional[bool] = ..., pieces: _Optional[bytes] = ..., bytes_per_s: _Optional[int] = ..., sources: _Optional[_Iterable[_Union[SwarmSource, _Mapping]]] = ..., neighbours: _Optional[_Iterable[str]] = ..., created_ms: _Optional[int] = ..., updated_ms: _Optional[int] = ...) -> None: ...

class SwarmSource(_message.Message):
    __slots__ = ("host_id", "size_bytes", "bytes_per_s")
    HOST_ID_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    BYTES_PER_S_FIELD_NUMBER: _ClassVar[int]
    host_id: str
    size_bytes: int
    bytes_per_s: int
    def __init__(self, host_id: _Optional[str] = ..., size_bytes: _Optional[int] = ..., bytes_per_s: _Optional[int] = ...) -> None: ...
