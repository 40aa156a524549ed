"""S3's XML, both ways. Pure. Built with ElementTree; documents of clients are small and have no DTD."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

from dffs.gateway.errors import S3Error

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
MAX_DOCUMENT_BYTES = 4 << 20
_MAX_DELETED = 1000


def document(name: str, children: Iterable[tuple[str, object]]) -> bytes:
    """A document whose root has these children; a child's value is text or again children."""
    root = ET.Element(name, xmlns=NAMESPACE)
    _fill(root, children)
    return _rendered(root)


def error_document(error: S3Error, resource: str, request_id: str) -> bytes:
    """The body of an answer that is not a success."""
    root = ET.Element("Error")
    _fill(
        root,
        [
            ("Code", error.name),
            ("Message", str(error)),
            ("Resource", resource),
            ("RequestId", request_id),
        ],
    )
    return _rendered(root)


def _rendered(root: ET.Element) -> bytes:
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + bytes(ET.tostring(root, encoding="utf-8"))


def _fill(parent: ET.Element, children: Iterable[tuple[str, object]]) -> None:
    for name, value in children:
        child = ET.SubElement(parent, name)
        if isinstance(value, list | tuple):
            _fill(child, value)
        elif isinstance(value, bool):
            child.text = "true" if value else "false"
        else:
            child.text = _printable(str(value))


def _printable(text: str) -> str:
    # XML 1.0 has no way to write these; clients that have such keys ask for encoding-type=url.
    return "".join(c if c >= " " or c in "\t\n\r" else "\ufffd" for c in text)


def when(time_ns: int) -> str:
    """A time as listings write it."""
    at = datetime.fromtimestamp(time_ns // 1_000_000 / 1000, UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


@dataclass(frozen=True, slots=True)
class Part:
    """One line of a CompleteMultipartUpload."""

    number: int
    etag: str


def parse_parts(body: bytes) -> list[Part]:
    """The parts that a CompleteMultipartUpload names, as the client ordered them."""
    root = _parsed(body, "CompleteMultipartUpload")
    try:
        return [
            Part(int(_text(part, "PartNumber")), _text(part, "ETag").strip('"'))
            for part in root
            if _local(part) == "Part"
        ]
    except ValueError as error:
        raise S3Error("MalformedXML") from error


def parse_deletes(body: bytes) -> tuple[list[tuple[str, str]], bool]:
    """The keys of a DeleteObjects with the versions meant (empty: the present one), and whether only
    failures are to be told."""
    root = _parsed(body, "Delete")
    keys = [
        (_text(child, "Key", strip=False), _text(child, "VersionId"))
        for child in root
        if _local(child) == "Object"
    ]
    if not keys or len(keys) > _MAX_DELETED:
        raise S3Error("MalformedXML", "One to 1000 keys are deleted at a time.")
    return keys, _text(root, "Quiet").lower() == "true"


def parse_tags(body: bytes) -> dict[str, str]:
    """The tags of a PutObjectTagging."""
    tags = {}
    for group in _parsed(body, "Tagging"):
        for tag in group:
            tags[_text(tag, "Key")] = _text(tag, "Value")
    if len(tags) > 10:
        raise S3Error("InvalidArgument", "An object has at most 10 tags.")
    return tags


def _parsed(body: bytes, name: str) -> ET.Element:
    if len(body) > MAX_DOCUMENT_BYTES or b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise S3Error("MalformedXML")
    try:
        root = ET.fromstring(body)
    except ET.ParseError as error:
        raise S3Error("MalformedXML") from error
    if _local(root) != name:
        raise S3Error("MalformedXML", f"A {name} document is needed.")
    return root


def _local(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _text(parent: ET.Element, name: str, *, strip: bool = True) -> str:
    for child in parent:
        if _local(child) == name:
            return (child.text or "").strip() if strip else (child.text or "")
    return ""
