"""What is let through unread holds nothing that would have been taken out."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dfinfra import redact

NAMES = """hf_ api_org_ Bearer bearer Basic Authorization proxy-authorization Cookie set-cookie
token password passwd secret api_key apikey access_key x-amz-security-token key-pair-id policy
signature access_token http:// user host abcdefghijklmnop ABCDEF0123456789 \u017fecret to\u212aen"""
WORDS = st.sampled_from([*NAMES.split(), *"@/?&=:,'\"{}\\\n "])
TEXTS = st.lists(WORDS | st.text(max_size=3), max_size=12).map("".join) | st.lists(
    WORDS, max_size=8
).map(" ".join)


@settings(max_examples=400)
@given(text=TEXTS)
def test_the_shortcut_changes_nothing(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(redact, "_SUSPECT", re.compile(""))
        thorough = redact.redact_text(text)
    assert redact.redact_text(text) == thorough


def test_what_a_finished_task_says_is_not_searched_for_secrets() -> None:
    lines = ("peer task done, cost: 28349ms", "ab" * 32, "10.0.0.7-node-1-4f0c-seed", "PeerTask")
    assert not any(redact._SUSPECT.search(line) for line in lines)
