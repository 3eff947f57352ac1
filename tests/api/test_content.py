"""Conditions and ranges by RFC 9110, headers of a file by RFC 6266: each case as its section words it."""

import email.message
from datetime import UTC, datetime

import pytest
from starlette.datastructures import Headers

from semblance.api.wire import content

TAG = '"abc-2"'
AT = datetime(2024, 2, 29, 12, 0, 0, tzinfo=UTC).timestamp()
SAME, BEFORE, AFTER = (f"Thu, 29 Feb 2024 {time} GMT" for time in ("12:00:00", "11:59:59", "12:00:01"))


def asked(*lines: tuple[str, str]) -> Headers:
    return Headers(raw=[(name.lower().encode(), value.encode("latin-1")) for name, value in lines])


OWN = content.headers("abc-2", AT, "/pictures/a.jpg")


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ([], None),
        ([("If-None-Match", TAG)], 304),
        ([("If-None-Match", f"W/{TAG}")], 304),  # compared weakly, 13.1.2
        ([("If-None-Match", f'"x", {TAG}')], 304),
        ([("If-None-Match", f' "x" ,,\tW/{TAG} ,')], 304),
        ([("If-None-Match", '"x"'), ("If-None-Match", TAG)], 304),  # lines of one list, 5.3
        ([("If-None-Match", "*")], 304),
        ([("If-None-Match", '"x"')], None),
        ([("If-None-Match", '"abc"')], None),
        ([("If-None-Match", '"x,y", "z"')], None),  # a comma is a tag's own
        ([("If-None-Match", '"a, "abc-2')], None),
        ([("If-None-Match", "abc-2")], None),  # no tag has no quotes
        ([("If-None-Match", "")], None),
        ([("If-None-Match", '"x"'), ("If-Modified-Since", SAME)], None),  # the date is passed over then, 13.1.3
        ([("If-Modified-Since", SAME)], 304),
        ([("If-Modified-Since", AFTER)], 304),
        ([("If-Modified-Since", BEFORE)], None),
        ([("If-Modified-Since", "Thursday, 29-Feb-24 12:00:00 GMT")], 304),  # the two forms of old, 5.6.7
        ([("If-Modified-Since", "Thu Feb 29 12:00:00 2024")], 304),
        ([("If-Modified-Since", "yesterday")], None),
        ([("If-Modified-Since", "Thu, 99 Feb 99999 12:00:00 GMT")], None),
        ([("If-Modified-Since", "Thu, 29 Feb 2024 12:00:00 +999999999999")], None),
        ([("If-Match", TAG)], None),
        ([("If-Match", f'"x", {TAG}')], None),
        ([("If-Match", "*")], None),
        ([("If-Match", '"x"')], 412),
        ([("If-Match", f"W/{TAG}")], 412),  # compared strongly, 13.1.1
        ([("If-Match", '"x"'), ("If-None-Match", TAG)], 412),  # first, 13.2.2
        ([("If-Match", TAG), ("If-None-Match", TAG)], 304),
        ([("If-Unmodified-Since", SAME)], None),
        ([("If-Unmodified-Since", BEFORE)], 412),
        ([("If-Unmodified-Since", BEFORE), ("If-Match", TAG)], None),  # passed over, 13.1.4
    ],
)
def test_conditions(lines: list[tuple[str, str]], status: int | None) -> None:
    assert content.settled(asked(*lines), OWN) == status


@pytest.mark.parametrize(
    ("said", "part"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=0-499", (0, 500)),
        ("bytes=500-", (500, 1000)),
        ("bytes=-300", (700, 1000)),
        ("bytes=-5000", (0, 1000)),  # all there is, 14.1.2
        ("bytes=990-5000", (990, 1000)),
        (f"bytes=0-{10**30}", (0, 1000)),
        ("bytes=0-" + 9000 * "9", (0, 1000)),
        ("bytes=" + 30 * "0" + "5-7", (5, 8)),
        ("Bytes = 5-7 ", (5, 8)),
        ("bytes=,5-7,", (5, 8)),
        ("bytes=0-1,5-7", None),  # several: all, as a server may
        ("bytes=0-1, 5-7, -1", None),
        ("items=0-5", None),  # a unit that is not known is passed over, 14.2
        ("5-7", None),
        ("", None),
    ],
)
def test_ranges_of_a_thousand_bytes(said: str, part: tuple[int, int] | None) -> None:
    assert content.part(asked(("Range", said)), OWN, 1000) == part


@pytest.mark.parametrize(
    "said",
    ["abc", "5-2", "1000-", "99999999-", "-0", "-", "", ",", "1", "+1-2", "-1-2", "0x1-5", "1-2;3", "²-5", "a-b,0-1"],
)
def test_no_range_that_there_is(said: str) -> None:
    part = content.part(asked(("Range", f"bytes={said}")), OWN, 1000)
    assert part is not None
    assert part[0] >= part[1]


@pytest.mark.parametrize(
    ("only_if", "part"),
    [(TAG, (0, 9)), (SAME, (0, 9)), (f"W/{TAG}", None), ('"x"', None), (BEFORE, None), (AFTER, None), ("", None)],
)
def test_a_part_only_if_it_is_one_of_the_same(only_if: str, part: tuple[int, int] | None) -> None:
    """13.1.5: compared strongly, and a date exactly."""
    assert content.part(asked(("Range", "bytes=0-8"), ("If-Range", only_if)), OWN, 1000) == part


@pytest.mark.parametrize(
    ("name", "saved_as"),
    [
        ("a.jpg", "a.jpg"),
        ("naïve – 猫.jpg", "naïve – 猫.jpg"),
        ('say "hi".jpg', 'say "hi".jpg'),
        ("100%41.jpg", "100%41.jpg"),
        ("a;b='c'.jpg", "a;b='c'.jpg"),
        ("a\r\nSet-Cookie: x.jpg", "a__Set-Cookie: x.jpg"),
        ("a\\b.jpg", "a_b.jpg"),
        ("cod\u202egpj.exe", "cod_gpj.exe"),
        ("raw\udcff.jpg", "raw\ufffd.jpg"),  # bytes that are no UTF-8
        ("lone\ud800.jpg", "lone\ufffd.jpg"),
        ("", ""),
    ],
)
def test_a_file_is_saved_under_its_own_name(name: str, saved_as: str) -> None:
    """As the standard library's reader of such headers (RFC 2231) understands it."""
    made = content.headers("t", path=f"/pictures/{name}")["Content-Disposition"]
    assert made.isascii()
    assert made.isprintable()
    plain, _, extended = made.partition("; filename*=")
    read = email.message.Message()
    read["Content-Disposition"] = f"inline; filename*={extended}" if extended else plain  # it goes before, RFC 6266 4.3
    assert read.get_content_disposition() == "inline"
    assert read.get_filename() == saved_as
    assert made.count('"') == 2, "the plain name needs no escapes, which clients read in different ways"


@pytest.mark.parametrize(
    ("modified", "date"),
    [
        (0.0, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (-1.5, "Wed, 31 Dec 1969 23:59:58 GMT"),
        (-62135596800.0, "Mon, 01 Jan 0001 00:00:00 GMT"),
        (-62135596801.0, None),
        (253402300800.0, None),  # the year 10000
        (4102444800.0, None),  # 2100: what is to come may not be said, 8.8.2.1
        (1e300, None),
    ],
)
def test_the_time_of_a_file_is_said_where_http_can(modified: float, date: str | None) -> None:
    assert content.headers("t", modified).get("Last-Modified") == date
