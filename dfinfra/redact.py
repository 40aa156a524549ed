"""Takes secrets out of text and structures before anybody can read them.

Pure. Called by the log pipeline for every line, by the configuration loader for error
messages and by ``lifecycle`` for the last words of a process. It is a safety net: code is
expected not to put credentials into messages in the first place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

HIDDEN = "***"

# Names under which a value is a secret whatever it looks like: parts of log keys, of
# configuration keys and of header names.
_SECRET_NAME = re.compile(
    r"authorization|cookie|token|password|passwd|secret|credential|signature|private_?key"
    r"|api_?key|access_?key",
    re.IGNORECASE,
)
_NOT_SECRET_NAME = re.compile(r"token_?hash|tokenizer|tokens$", re.IGNORECASE)

# Query parameters that make a URL a credential: S3, GCS, CloudFront, OSS, Azure and plain ones.
_SIGNED_PARAMS = frozenset(
    {
        "x-amz-signature",
        "x-amz-credential",
        "x-amz-security-token",
        "x-goog-signature",
        "x-goog-credential",
        "signature",
        "sig",
        "policy",
        "key-pair-id",
        "awsaccesskeyid",
        "ossaccesskeyid",
        "googleaccessid",
        "x-oss-signature",
        "x-oss-credential",
        "x-oss-security-token",
        "x-cos-security-token",
        "q-signature",
        "security-token",
        "token",
        "access_token",
        "auth",
        "hdnea",
        "sign",
        "api_key",
        "apikey",
        "key",
        "password",
        "secret",
    }
)

_QUERY = re.compile(r"\?([^\s\"'<>\\]+)")
_BARE_PARAM = re.compile(
    r"(?<![\w-])((?:x-(?:amz|goog|oss|cos)-(?:signature|credential|security-token)|signature"
    r"|key-pair-id|policy|access_token)=)[^&\s\"'<>\\]+",
    re.IGNORECASE,
)
_USERINFO = re.compile(r"(://)[^/@\s\"']+@")
_HF_TOKEN = re.compile(r"\b(hf|api_org)_(?:[a-z]{2,8}_)?[A-Za-z0-9]{10,}")
_BEARER = re.compile(r"\b(Bearer\s+)[^\s\"',\\]+", re.IGNORECASE)
_BASIC = re.compile(r"\b(Basic\s+)[A-Za-z0-9+/=_-]{4,}")
_HEADER = re.compile(
    r"((?:proxy-)?authorization|(?:set-)?cookie|x-amz-security-token)"
    r"(\\?[\"']?\s*[:=,]\s*(?:b(?=\\?[\"']))?\\?[\"']?)[^\r\n\"'}\\]+",
    re.IGNORECASE,
)
_ASSIGNED = re.compile(
    r"(\b[\w-]*(?:password|passwd|secret|token|api_?key|access_?key)(?:_id)?)"
    r"(\\?[\"']?\s*[:=]\s*(?:b(?=\\?[\"']))?\\?[\"']?)([^\s\"',;&)}\\]+)",
    re.IGNORECASE,
)

# Without one of these nothing above matches: most of what is logged is done with here.
_SUSPECT = re.compile(
    r"[?@=]|hf_|api_org_|bearer|basic|authorization|cookie|token|passw|secret|key", re.IGNORECASE
)


def redact_text(text: str) -> str:
    """The text without tokens, credentials, cookies and signed query strings."""
    if _SUSPECT.search(text) is None:
        return text
    text = _USERINFO.sub(rf"\1{HIDDEN}@", text)
    text = _QUERY.sub(_without_signed_query, text)
    text = _BARE_PARAM.sub(rf"\1{HIDDEN}", text)
    text = _HEADER.sub(rf"\1\2{HIDDEN}", text)
    text = _BEARER.sub(rf"\1{HIDDEN}", text)
    text = _BASIC.sub(rf"\1{HIDDEN}", text)
    text = _HF_TOKEN.sub(rf"\1_{HIDDEN}", text)
    return _ASSIGNED.sub(_without_assigned, text)


@lru_cache(maxsize=1024)
def is_secret_name(name: str) -> bool:
    """Whether a value under this name must not be shown."""
    return bool(_SECRET_NAME.search(name)) and not _NOT_SECRET_NAME.search(name)


def redact(value: Any, name: str = "") -> Any:
    """The value, fit to be shown; ``name`` is the key it stands under.

    Mappings and sequences are walked; objects become their redacted ``repr``.
    """
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if name and is_secret_name(name):
        return HIDDEN
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return redact_text(bytes(value).decode("latin-1"))
    if isinstance(value, Mapping):
        return {redact_text(str(k)): redact(v, str(k)) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [redact_item(item) for item in value]
    return redact_text(repr(value))


def redact_item(item: Any) -> Any:
    """One member of a sequence; a pair is read as a header, name first."""
    if isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], (str, bytes)):
        name = item[0] if isinstance(item[0], str) else item[0].decode("latin-1")
        return [redact_text(name), redact(item[1], name)]
    return redact(item)


def _without_signed_query(match: re.Match[str]) -> str:
    names = {part.partition("=")[0].lower() for part in re.split(r"[&;]", match[1])}
    return f"?{HIDDEN}" if names & _SIGNED_PARAMS else match[0]


def _without_assigned(match: re.Match[str]) -> str:
    # `token: None` and `tokens=5` tell nobody anything.
    if match[3] in ("None", "null", HIDDEN) or match[3].isdigit():
        return match[0]
    return f"{match[1]}{match[2]}{HIDDEN}"
