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
    __slots__ = ("task_id", "peer_id", "spec", "held", "wanted", "complete", "wanted_ranges")
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    PEER_ID_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    HELD_FIELD_NUMBER: _ClassVar[int]
    WANTED_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    WANTED_RANGES_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    peer_id: str
    spec: TaskSpec
    held: bytes
    wanted: bytes
    complete: bool
    wanted_ranges: _containers.RepeatedCompositeFieldContainer[Span]
    def __init__(self, task_id: _Optional[str] = ..., peer_id: _Optional[str] = ..., spec: _Optional[_Union[TaskSpec, _Mapping]] = ..., held: _Optional[bytes] = ..., wanted: _Optional[bytes] = ..., complete: _Optional[bool] = ..., wanted_ranges: _Optional[_Iterable[_Union[Span, _Mapping]]] = ...) -> None: ...

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
    __slots__ = ("id", "kind", "method", "url", "headers", "body")
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
    id: int
    kind: str
    method: str
    url: str
    headers: _containers.ScalarMap[str, str]
    body: bytes
    def __init__(self, id: _Optional[int] = ..., kind: _Optional[str] = ..., method: _Optional[str] = ..., url: _Optional[str] = ..., headers: _Optional[_Mapping[str, str]] = ..., body: _Optional[bytes] = ...) -> None: ...

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
    __slots__ = ("host_id", "blobs", "replace")
    HOST_ID_FIELD_NUMBER: _ClassVar[int]
    BLOBS_FIELD_NUMBER: _ClassVar[int]
    REPLACE_FIELD_NUMBER: _ClassVar[int]
    host_id: str
    blobs: _containers.RepeatedCompositeFieldContainer[HeldBlob]
    replace: bool
    def __init__(self, host_id: _Optional[str] = ..., blobs: _Optional[_Iterable[_Union[HeldBlob, _Mapping]]] = ..., replace: _Optional[bool] = ...) -> None: ...

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
