"""Requests that are broken: in their line, address, headers, chunks, form or JSON, cut short, behind another, or none.

Each kind makes one of a generator of random numbers, so that the same numbers make the same request.
"""

import random
from collections.abc import Callable

_PATHS = (
    *("/", "/health", "/ready", "/images", "/images/1", "/images/1/thumbnail", "/images/1/view", "/images/1/similar"),
    *("/search", "/search/several", "/search/codes", "/encode", "/jobs", "/jobs/1", "/duplicates", "/facets", "/map"),
    *("/images/1/facts", "/openapi.json", "/docs", "/docs/swagger-ui.css", "/page/app.js", "/metrics", "/nothing"),
)
_LAST = b"Host: localhost\r\nConnection: close"  # so that the end of an answer is seen
_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT")
_ODD = (
    *(
        "",
        " ",
        "0",
        "-1",
        "1.5",
        "1e999",
        "NaN",
        "9" * 30,
        "9" * 5000,
        "%00",
        "%ff%fe",
        "%",
        "%zz",
        "a" * 3000,
        "..",
        "//",
    ),
    *(
        "'",
        '"',
        "\\",
        "<b>",
        "1;drop",
        "1,2",
        "null",
        "true",
        "[]",
        "{}",
        "\u0661",
        "\ud83d\ude00",
        "%2e%2e%2f",
        "+1",
        "0x1",
    ),
)
_NAMES = ("k", "engine", "views", "refine", "limit", "cursor", "side", "region", "within", "near", "taken_from", "x")
_HEADERS = (
    *("Content-Length", "Transfer-Encoding", "Content-Type", "Range", "If-None-Match", "If-Modified-Since", "Origin"),
    *(
        "Authorization",
        "Cookie",
        "Accept",
        "Expect",
        "Connection",
        "Upgrade",
        "Idempotency-Key",
        "X-Request-ID",
        "Host",
    ),
    *("Sec-Fetch-Site", "X-Forwarded-For", "If-Range", "Accept-Encoding", "Last-Event-ID", "Content-Encoding"),
)


def _line(rng: random.Random) -> bytes:
    """A request line that is broken in one place."""
    method, path = rng.choice(_METHODS), rng.choice(_PATHS)
    lines = (
        f"{method} {path}",
        f"{method}  {path} HTTP/1.1",
        f"{method} {path} HTTP/{rng.choice(('0.9', '1.0', '1.2', '2.0', '3', 'x', ''))}",
        f"{method.lower()} {path} HTTP/1.1",
        f"{'A' * rng.choice((1, 30, 9000))} {path} HTTP/1.1",
        f"{method} {path} HTTP/1.1 more",
        f" {method} {path} HTTP/1.1",
        f"{method}\t{path}\tHTTP/1.1",
        f"{method} http://{rng.choice(('localhost', 'evil.example', ''))}{path} HTTP/1.1",
        f"{method} {path.replace('/', '', 1)} HTTP/1.1",
        f"{method} * HTTP/1.1",
        f"{method} {path}#{rng.choice(_ODD)} HTTP/1.1",
        f"{method} /{'a/' * 20000} HTTP/1.1",
        "",
        "\x00\x01\x02",
        "PRI * HTTP/2.0",
    )
    line = rng.choice(lines).encode("utf-8", "surrogatepass")
    return line + rng.choice((b"\r\n", b"\n", b"\r", b"")) + b"Host: localhost\r\n\r\n"


def _address(rng: random.Random) -> bytes:
    """A whole request for an odd address."""
    path, odd = rng.choice(_PATHS), rng.choice(_ODD)
    query = "&".join(f"{rng.choice(_NAMES)}={rng.choice(_ODD)}" for _ in range(rng.choice((1, 2, 5, 400))))
    path = rng.choice((path.replace("1", odd), f"{path}?{query}", f"{path}{odd}", f"{path}?{odd}", f"/images/{odd}"))
    raw = path.encode("utf-8", "surrogatepass").replace(b" ", rng.choice((b"%20", b" ")))
    return b"%s %s HTTP/1.1\r\n%s\r\n\r\n" % (rng.choice(_METHODS).encode(), raw, _LAST)


def _header(rng: random.Random) -> bytes:
    """A request with some odd headers, or odd lines among them."""
    odd = [f"{rng.choice(_HEADERS)}: {rng.choice(_ODD)}" for _ in range(rng.choice((1, 2, 6)))]
    odd += rng.sample(
        (
            *(": no name", "no colon", " folded: 1", "\tfolded", "Na me: x", "Nul: \x00", "Host: localhost", "Host:"),
            *("Content-Length: 5\r\nContent-Length: 6", "Transfer-Encoding: chunked\r\nContent-Length: 3"),
            *("X: " + "a" * 70000, "\r\n".join(f"X{number}: 1" for number in range(3000)), "Expect: 100-continue"),
            *("Range: bytes=" + "0-1," * 2000, "Range: bytes=-0", "If-None-Match: " + '"a",' * 2000, "Cookie: =;" * 50),
        ),
        rng.choice((0, 1, 2)),
    )  # fmt: skip
    rng.shuffle(odd)
    text = "\r\n".join([_LAST.decode(), *odd]).encode("utf-8", "surrogatepass")
    return b"%s %s HTTP/1.1\r\n%s\r\n\r\n" % (rng.choice(_METHODS).encode(), rng.choice(_PATHS).encode(), text)


def _chunks(rng: random.Random) -> bytes:
    """A body in chunks that are wrong."""
    bodies = (
        *(
            b"zz\r\nab\r\n0\r\n\r\n",
            b"-1\r\n\r\n",
            b"5\r\nab\r\n0\r\n\r\n",
            b"fffffffffffffffff\r\nab\r\n",
            b"2\r\nabcd\r\n",
        ),
        *(
            b"2;" + b"x" * 40000 + b"\r\nab\r\n0\r\n\r\n",
            b"2\nab\n0\n\n",
            b"0\r\nTrailer: 1\r\n\r\n",
            b"",
            b"\r\n",
            b"2\r\nab",
        ),
    )
    kind = rng.choice((b"multipart/form-data; boundary=b", b"application/json", b"text/plain", b"multipart/form-data"))
    head = _LAST + b"\r\nTransfer-Encoding: chunked\r\nContent-Type: " + kind
    path = rng.choice((*_PATHS, "/search", "/search")).encode()
    return b"POST %s HTTP/1.1\r\n%s\r\n\r\n%s" % (path, head, rng.choice(bodies))


def _form(rng: random.Random) -> bytes:
    """A form with a mistake in it, of the right length or a wrong one."""
    name = rng.choice(("file", "like", "unlike", "k", "engine", "like_id", "", "x" * 3000, "\udcff", "file\x00"))
    raw = name.encode("utf-8", "surrogateescape")
    disposition = rng.choice(
        (
            *(b'form-data; name="%s"; filename="a.jpg"', b'form-data; name="%s"', b'name="%s"', b"form-data; x=%s"),
            *(b"form-data; name=\"%s\"; filename*=UTF-8''%%ff", b'attachment; name=%s; filename="..\\..\\a"', b"%s"),
        )
    )
    data = rng.choice(
        (b"", b"\x00" * 100, rng.randbytes(2000), b"\xff\xd8\xff" + rng.randbytes(500), b"GIF89a", b"x" * 70000)
    )
    part = b"--b\r\nContent-Disposition: " + disposition % raw + b"\r\n\r\n" + data + b"\r\n"
    body = part * rng.choice((0, 1, 1, 2, 20)) + rng.choice(
        (b"--b--\r\n", b"--b--", b"", b"--c--", b"--b", b"\r\n\r\n")
    )
    kind = rng.choice(
        (b"multipart/form-data; boundary=b",) * 4 + (b"multipart/form-data", b"multipart/form-data; boundary=")
    )
    return _post(rng, kind, body)


def _json(rng: random.Random) -> bytes:
    """A body that should be JSON, and is none, or not what is asked for."""
    bodies = (
        *(
            b"",
            b"{",
            b"[" * 50000,
            b"null",
            b"1",
            b'"a"',
            b"\xff\xfe",
            b'{"codes": 1}',
            b'{"codes": ["zz"]}',
            b'{"codes": []}',
        ),
        *(
            b'{"kind": "index", "folder": "\\u0000"}',
            b'{"kind": "index", "folder": "/"}',
            b'{"first": 1, "second": 1e400}',
        ),
        *(
            b'{"a": ' * 2000,
            b'{"first": -1, "second": "x"}',
            b"NaN",
            b'{"cursor": "\\ud800"}',
            b'{"codes": ["00"], "k": 1e99}',
        ),
    )
    kind = rng.choice(
        (b"application/json", b"application/json; charset=utf-7", b"text/json", b"application/x+json", b"")
    )
    return _post(rng, kind, rng.choice(bodies))


def _post(rng: random.Random, kind: bytes, body: bytes) -> bytes:
    length = rng.choice((len(body),) * 6 + (len(body) + 7, max(0, len(body) - 7), 0))
    said = rng.choice((b"%d" % length,) * 8 + (b"-1", b"+5", b"1_0", b"0x5", b"9" * 25, b"5, 5", b" "))
    path = rng.choice(("/search", "/search/several", "/search/codes", "/search/next", "/encode", "/images", "/jobs",
                       "/duplicates/apart", "/duplicates/together", "/images/1"))  # fmt: skip
    head = b"%s\r\nContent-Type: %s\r\nContent-Length: %s" % (_LAST, kind, said)
    return b"POST %s HTTP/1.1\r\n%s\r\n\r\n%s" % (path.encode(), head, body)


def _cut(rng: random.Random) -> bytes:
    """One of the others, cut short."""
    whole = rng.choice((_address, _header, _chunks, _form))(rng)
    return whole[: rng.randrange(len(whole) + 1)]


def _one_behind_another(rng: random.Random) -> bytes:
    """Several on one connection, the first of which may be right."""
    right = b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % rng.choice(_PATHS).encode()
    return b"".join(
        rng.choice((right, rng.choice((_line, _address, _header, _form))(rng))) for _ in range(rng.choice((2, 5)))
    )


def _noise(rng: random.Random) -> bytes:
    """Bytes of another protocol, or of none."""
    return rng.choice(
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"SSH-2.0-x\r\n", b"\r\n" * 50)
    ) + rng.randbytes(rng.choice((0, 50, 5000)))


KINDS: tuple[Callable[[random.Random], bytes], ...] = (
    *(_line, _address, _header, _chunks, _form, _json, _cut, _one_behind_another, _noise),
)
