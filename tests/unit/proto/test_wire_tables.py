"""The messages are Dragonfly's, number by number; a wrong one would corrupt a real peer."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from dfinfra.pb import (  # noqa: F401  # they register themselves in the pool
    dfdaemon_pb2,
    errordetails_pb2,
    manager_pb2,
    meganeura_pb2,
    scheduler_pb2,
)

HERE = Path(__file__).parent
POOL = descriptor_pool.Default()
SCALARS = {
    FieldDescriptor.TYPE_STRING: "str",
    FieldDescriptor.TYPE_BYTES: "bytes",
    FieldDescriptor.TYPE_BOOL: "bool",
    FieldDescriptor.TYPE_UINT32: "u32",
    FieldDescriptor.TYPE_UINT64: "u64",
    FieldDescriptor.TYPE_INT32: "i32",
    FieldDescriptor.TYPE_INT64: "i64",
    FieldDescriptor.TYPE_DOUBLE: "f64",
}


def rows(name: str) -> list[tuple[str, str]]:
    lines = (HERE / name).read_text().splitlines()
    pairs = [line.split("|", 1) for line in lines if line and not line.startswith("#")]
    return [(left.strip(), right.strip()) for left, right in pairs]


def type_name(field: FieldDescriptor) -> str:
    if field.message_type is not None:
        message = field.message_type
        if message.GetOptions().map_entry:
            key, value = message.fields_by_name["key"], message.fields_by_name["value"]
            return f"map<{type_name(key)},{type_name(value)}>"
        return message.name
    return field.enum_type.name if field.enum_type is not None else SCALARS[field.type]


def told(message: Descriptor) -> str:
    """The message in the notation of the table."""
    parts = []
    for field in sorted(message.fields, key=lambda f: f.number):
        oneof = field.containing_oneof
        text = f"{field.number} {field.name}:{type_name(field)}"
        is_map = text.partition(":")[2].startswith("map<")
        if field.is_repeated and not is_map:
            text += "[]"
        elif oneof is not None and oneof.name == f"_{field.name}":
            text += "?"
        elif oneof is not None:
            text += f" {{{oneof.name}}}"
        parts.append(text)
    return "; ".join(parts)


@pytest.mark.parametrize(("name", "expected"), rows("fields.txt"))
def test_message_has_dragonflys_fields(name: str, expected: str) -> None:
    if name.startswith("enum "):
        enum = POOL.FindEnumTypeByName(name.removeprefix("enum "))
        assert "; ".join(f"{v.number}={v.name}" for v in enum.values) == expected
        return
    expected = re.sub(r"(; )?reserved \d+", "", expected).removeprefix("; ")
    assert told(POOL.FindMessageTypeByName(name)) == expected


def test_every_message_is_in_the_table() -> None:
    known = {name for name, _ in rows("fields.txt")}
    for file in ("common", "scheduler", "dfdaemon", "manager", "errordetails"):
        messages = POOL.FindFileByName(f"dfinfra/pb/{file}.proto").message_types_by_name
        assert {m.full_name for m in messages.values()} <= known


@pytest.mark.parametrize(
    "service",
    [
        "scheduler.v2.Scheduler",
        "dfdaemon.v2.DfdaemonUpload",
        "dfdaemon.v2.DfdaemonDownload",
        "manager.v2.Manager",
    ],
)
def test_service_has_dragonflys_calls(service: str) -> None:
    kinds = {
        (False, False): "unary",
        (True, True): "bidi",
        (False, True): "server-stream",
        (True, False): "client-stream",
    }
    calls = [
        f"{m.name} {kinds[m.client_streaming, m.server_streaming]} {m.output_type.name}"
        for m in POOL.FindServiceByName(service).methods
    ]
    assert calls == [call for name, call in rows("calls.txt") if name == service]
    for method in POOL.FindServiceByName(service).methods:
        assert method.input_type.name in (f"{method.name}Request", "Empty")


def test_control_channel_frames_keep_their_numbers() -> None:
    expected = {
        "Frame": "1 join:Join {frame}; 2 joined:Joined {frame}; 3 want:Want {frame}; "
        "4 have:Have {frame}; 5 leave:Leave {frame}; 6 failed:Failed {frame}; "
        "7 ask:Ask {frame}; 8 answer:Answer {frame}",
        "Hello": "1 host_id:str; 2 ip:str; 3 port:i32; 4 seed:bool; 5 version:u32; 6 hostname:str",
        "Span": "1 start:u64; 2 end:u64",
        "Join": "1 task_id:str; 2 peer_id:str; 3 spec:TaskSpec; 4 held:bytes; 5 wanted:bytes; "
        "6 complete:bool; 7 wanted_ranges:Span[]; 8 traceparent:str",
        "Joined": "1 task_id:str; 2 size_bytes:u64; 3 piece_length:u64; 4 unit_length:u64; "
        "5 held:bytes; 6 digests:bytes; 7 response_headers:map<str,str>; 8 complete:bool; "
        "9 digest:str; 10 restricted:bool; 11 validator:str; 12 peer_id:str",
        "Have": "1 task_id:str; 2 units:u32[]; 3 digests:bytes; 4 complete:bool",
        "Ask": "1 id:u64; 2 kind:str; 3 method:str; 4 url:str; 5 headers:map<str,str>; "
        "6 body:bytes; 7 traceparent:str",
        "Answer": "1 id:u64; 2 status:i32; 3 headers:Header[]; 4 body:bytes; 5 source:str",
    }
    for name, fields in expected.items():
        assert told(POOL.FindMessageTypeByName(f"meganeura.v1.{name}")) == fields
