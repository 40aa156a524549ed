"""The error tree: every class says what it means outside, and the root tells one line."""

from __future__ import annotations

import inspect

import grpc
import pytest

from dfcore import errors
from dfcore.errors import MeganeuraError

CLASSES = [
    value
    for value in vars(errors).values()
    if inspect.isclass(value) and issubclass(value, MeganeuraError)
]


@pytest.mark.parametrize("kind", CLASSES)
def test_each_class_has_its_own_code_and_a_real_grpc_status(kind: type[MeganeuraError]) -> None:
    assert kind.grpc_code in grpc.StatusCode.__members__
    assert [other.code for other in CLASSES].count(kind.code) == 1
    assert 400 <= kind.http_status <= 599


@pytest.mark.parametrize("kind", CLASSES)
def test_the_tree_in_the_docstring_names_each_class(kind: type[MeganeuraError]) -> None:
    assert errors.__doc__ is not None
    assert kind.__name__ in errors.__doc__


def test_bad_input_and_bad_config_end_a_program_with_2() -> None:
    assert errors.BadInput("x").exit_code == 2
    assert errors.ConfigError("x").exit_code == 2
    assert errors.NotFound("x").exit_code == 1


def test_bad_input_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="the line"):
        raise errors.ConfigError("the line")


def test_the_origins_refusal_carries_its_answer_and_shows_none_of_it() -> None:
    refused = errors.OriginRefused(403, {"Set-Cookie": "secret"}, b"secret body")
    assert (refused.status, refused.http_status) == (403, 403)
    assert (refused.headers, refused.body) == ({"Set-Cookie": "secret"}, b"secret body")
    assert not refused.retryable
    assert "secret" not in str(refused)
    assert "secret" not in repr(refused)


def test_errors_carry_what_their_handlers_need() -> None:
    assert errors.Unavailable("later").retry_after_s is None
    assert errors.Unavailable("later", retry_after_s=3.0).retry_after_s == 3.0
    assert errors.RangeNotSatisfiable("none", size_bytes=7).size_bytes == 7
    assert errors.InvalidTransition("no", story=["a"]).story == ("a",)
