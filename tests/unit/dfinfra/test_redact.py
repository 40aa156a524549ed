"""No secret survives on its way into text, wherever it stands."""

from __future__ import annotations

from typing import Any

import pytest

from dfinfra.redact import redact, redact_text

SECRET = "s3cretValue0123456789"


@pytest.mark.parametrize(
    "text",
    [
        f"GET https://cdn.example/x?Expires=1&Signature={SECRET}&Key-Pair-Id=K",
        f"/x?X-Amz-Credential=a&X-Amz-Signature={SECRET}",
        f"https://x/y?X-Goog-Signature={SECRET}.",
        f"https://user:{SECRET}@host/path",
        f"the header Authorization: Bearer {SECRET} was refused",
        f"authorization: Basic {SECRET}=",
        f"{{'Authorization': 'Bearer {SECRET}'}}",
        f"{{b'authorization': b'Bearer {SECRET}'}}",
        f"CIMultiDict('Cookie': 'a={SECRET}; b=c')",
        f"('Set-Cookie', 'session={SECRET}')",
        f"token hf_{SECRET} is no good",
        f"bearer {SECRET}",
        f"password={SECRET}",
        f'{{"token": "{SECRET}"}}',
        f"access_key_secret={SECRET}, region=x",
        f"...&Signature={SECRET}",
    ],
)
def test_secrets_leave_text(text: str) -> None:
    shown = redact_text(text)
    assert SECRET not in shown
    assert "***" in shown


@pytest.mark.parametrize(
    "text",
    [
        "https://huggingface.co/gpt2/resolve/main/model.safetensors?download=true",
        "peer task done, cost: 28349ms",
        "hf_hub_download of model.safetensors",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "tokens=5, token: None",
        "basic things work",
    ],
)
def test_other_text_stays(text: str) -> None:
    assert redact_text(text) == text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("authorization", SECRET),
        ("headers", {"Authorization": SECRET, "X-Amz-Security-Token": SECRET}),
        ("headers", [("Cookie", SECRET)]),
        ("headers", ((b"cookie", SECRET.encode()),)),
        ("config", {"redis": {"password": SECRET}}),
        ("hf_token", SECRET),
        ("error", ValueError(f"hf_{SECRET}")),
        ("body", f"token={SECRET}".encode()),
    ],
)
def test_secrets_leave_structures(name: str, value: Any) -> None:
    assert SECRET not in repr(redact(value, name))


def test_figures_stay() -> None:
    assert redact({"tokens": 5, "token_hash": "ab", "size": 1.5, "ok": True, "none": None}) == {
        "tokens": 5, "token_hash": "ab", "size": 1.5, "ok": True, "none": None,
    }  # fmt: skip
