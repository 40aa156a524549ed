"""What requests carry and what answers mean, without a network."""

from __future__ import annotations

import pytest

from dfcore.errors import BadInput, OriginBroken, OriginRefused, Unavailable
from dfcore.ranges import ByteRange
from dfdaemon.fetch import answers
from dfdaemon.fetch.answers import OPEN_END, HeaderMap


def headers(**fields: str) -> HeaderMap:
    return HeaderMap([(name.replace("_", "-"), value) for name, value in fields.items()])


def test_header_names_in_any_case() -> None:
    found = HeaderMap([("ETag", "x"), ("Vary", "a"), ("vary", "b")])
    assert found["etag"] == found["ETAG"] == "x"
    assert dict(found) == {"ETag": "x", "Vary": "a, b"}
    assert "x" not in repr(found).replace("ETag", "")


def test_what_concerns_the_clients_connection_is_not_sent_on() -> None:
    given = {
        "Accept-Encoding": "gzip",
        "Range": "bytes=1-",
        "If-None-Match": "x",
        "Connection": "close",
        "Host": "proxy",
        "Authorization": "Bearer t",
    }
    assert answers.request_headers(given, ByteRange(5, 9)) == {
        "Authorization": "Bearer t",
        "Accept-Encoding": "identity",
        "Range": "bytes=5-8",
    }
    assert "Range" not in answers.request_headers(given, None)
    assert answers.request_headers({}, ByteRange(5, OPEN_END))["Range"] == "bytes=5-"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://h/a", "https://h/b", True),
        ("https://h/a", "https://h:443/b", True),
        ("http://h/a", "https://h/b", True),
        ("https://h/a", "http://h/b", False),
        ("https://h/a", "https://h:8443/b", False),
        ("https://h/a", "https://H.other/b", False),
        ("http://h:8080/a", "https://h/b", False),
    ],
)
def test_where_credentials_may_go(one: str, other: str, same: bool) -> None:
    assert answers.same_place(answers.split_url(one), answers.split_url(other)) is same


def test_bad_url_is_named_without_its_query() -> None:
    with pytest.raises(BadInput) as told:
        answers.split_url("s3://bucket/key?X-Amz-Signature=s3cret")
    assert "s3cret" not in str(told.value)


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/x?y#z", "https://hub/x?y"),
        ("x", "https://hub/a/x"),
        ("//cdn/x", "https://cdn/x"),
        ("https://cdn/x", "https://cdn/x"),
    ],
)
def test_redirect_targets(location: str, target: str) -> None:
    found = answers.redirect_target("https://hub/a/b", 302, headers(Location=location))
    assert found == target


def test_redirect_out_of_tls_is_not_followed() -> None:
    with pytest.raises(OriginBroken, match="out of TLS"):
        answers.redirect_target("https://hub/a", 302, headers(Location="http://hub/a"))


def test_not_modified_is_no_redirect() -> None:
    assert answers.redirect_target("https://hub/a", 304, headers(Location="/x")) is None


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (200, None),
        (206, None),
        (204, OriginBroken),
        (304, OriginBroken),
        (404, OriginRefused),
        (416, OriginRefused),
        (425, Unavailable),
        (429, Unavailable),
        (500, Unavailable),
        (504, Unavailable),
    ],
)
def test_what_a_status_stands_for(status: int, error: type[Exception] | None) -> None:
    found = answers.failure(status, headers(), b"", 0.0)
    assert type(found) is (error or type(None))


def test_retry_after_a_date() -> None:
    found = answers.failure(503, headers(Retry_After="Thu, 01 Jan 1970 00:01:00 GMT"), b"", 20.0)
    assert isinstance(found, Unavailable)
    assert found.retry_after_s == 40.0


def test_length_of_a_coded_body_says_nothing() -> None:
    found = answers.content(
        200,
        headers(Content_Length="5", Transfer_Encoding="chunked"),
        None,
        validator=None,
        size_bytes=None,
    )
    assert (found.size_bytes, found.range) == (None, None)


def test_part_of_an_unknown_whole() -> None:
    found = answers.content(
        206,
        headers(Content_Range="bytes 5-8/*"),
        ByteRange(5, 9),
        validator=None,
        size_bytes=None,
    )
    assert (found.size_bytes, found.range) == (None, ByteRange(5, 9))


def test_length_that_contradicts_the_part() -> None:
    with pytest.raises(OriginBroken):
        answers.content(
            206,
            headers(Content_Range="bytes 5-8/99", Content_Length="5"),
            ByteRange(5, 9),
            validator=None,
            size_bytes=None,
        )
