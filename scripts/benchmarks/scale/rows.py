"""What the records of a run say: lines of `bench --json`, the figures that were asked for, and a table for a page."""

from collections.abc import Iterator, Sequence
from typing import Any

from semblance.retrieval.index import ENGINES
from semblance.scripts.benchmarks.figures import Row, row
from semblance.scripts.benchmarks.scale import contenders
from semblance.scripts.benchmarks.scale.measuring import WANTED
from semblance.scripts.benchmarks.scale.running import GROUPS, LAID, NO_ENGINES, Record, ready

_ASKED = 10_000_000  # codes of which the figures are asked
_COLUMNS = (
    *("codes", "engine", "effort", "recall@10", "recall@100", "one query, ms", "/ exact"),
    *("in 64s, ms", "build, s", "bytes a code", "own codes missed"),
)
_AT = f"of {_ASKED:,} codes"

Point = dict[str, Any]


def rows(records: Sequence[Record], whose: str) -> list[Row]:
    """Every contender on every set, then the figures that are asked."""
    return [line for record in records for line in _lines(record, whose)] + [*_asked(records)]


def at_wanted(record: Record) -> Point | None:
    """The point of the least effort that reaches the wanted recall; None where none does."""
    return next((point for point in record.get("points", ()) if point["recall@10"] >= WANTED), None)


def best(record: Record) -> Point | None:
    """That point, else the one with the highest recall; None where there is none at all."""
    points = record.get("points", ())
    return at_wanted(record) or max(points, key=lambda point: float(point["recall@10"]), default=None)


def _lines(record: Record, whose: str) -> Iterator[Row]:
    name = f"{record['codes']:,} codes, {record['contender']}"
    point = best(record)
    if record.get("failed"):
        yield row(f"{name}: {record['failed']}", len(record.get("points", ())), "efforts measured")
    if record["contender"] == LAID and "near" in record:
        yield row(f"{name}: real codes in it, of {whose}", record["real"], "codes")
        for far, which in zip(record["near"], ("nearest", "10th nearest", "100th nearest"), strict=True):
            yield row(f"{name}: median distance to the {which}", far, "bits")
    for check in record.get("checks", ()):
        title = f"grown from 1/{check['part']} of {whose} beside {check['codes']:,} real codes"
        yield row(f"{title}: mean difference of distances to the 1st, 10th, 100th", check["mean_bits"], "bits")
        yield row(f"{title}: the largest at a quantile", check["most_bits"], "bits")
        for those, share in zip(("real", "grown"), check["alone"], strict=True):
            yield row(f"{title}: {those} ones alone at their 28-bit address", share, "share")
        yield row(f"{title}: largest difference of a bit's mean", check["balance"], "share")
    if "open_ms" in record:
        yield row(f"{name}: build and open, to the first answer", ready(record), "s")
    if "memory_mb" in record:
        yield row(f"{name}: memory a code", 1e6 * record["memory_mb"] / record["codes"], "bytes")
    if point is not None:
        effort = f"{name}, effort {point['effort']}"
        yield row(f"{effort}: recall@10, ties counted fairly", point["recall@10"], "share")
        yield row(f"{effort}: recall@100", point["recall@100"], "share")
        yield row(f"{effort}: one query", point["ms"], "ms")
        yield row(f"{effort}: / exact scan beside it", point["times_exact"], "ratio")
        if "batch_ms" in point:
            yield row(f"{effort}: a query in batches of 64", point["batch_ms"], "ms")
    if "missed" in record:
        yield row(f"{name}: codes of the set not found, of {record['copies']:,}", record["missed"], "codes")


def _asked(records: Sequence[Record]) -> Iterator[Row]:
    """The figures of which something is asked, of the largest set that is not beyond that for which it is."""
    sizes = {record["codes"] for record in records}
    size = max((each for each in sizes if each <= _ASKED), default=min(sizes))
    here = {record["contender"]: record for record in records if record["codes"] == size}
    title = f"{size:,} codes"
    if "reading_ms" in (flat := here.get("flat", {})):
        point = flat["points"][0]
        share = flat["scan_ms"] / flat["reading_ms"]
        yield row(f"{title}: exact, one query / reading the bytes once", share, "ratio", f"at most 1.2 {_AT}")
        if "batch_ms" in point:
            faster = point["ms"] / point["batch_ms"]
            yield row(f"{title}: exact, batches of 64, times as fast", faster, "ratio", f"at least 1.5 {_AT}")
        yield row(f"{title}: exact, memory, ids included", 1e6 * flat["memory_mb"] / size, "bytes a code", "at most 42")
    if "open_ms" in (mapped := here.get("mapped", {})):
        yield row(f"{title}: memory-mapped, open to first answer", mapped["open_ms"], "ms", "at most 100")
    yield from _fastest(here, title)
    if point := at_wanted(here.get("mih", {})):
        yield row(f"{title}: multi-index hashing / exact", point["times_exact"], "ratio", f"at most 0.4 {_AT}")
    yield from _growth([record for record in records if record["contender"] == "hash" and record.get("points")])
    for record in records:
        if record["contender"] == GROUPS and "groups_s" in record:
            title = f"near-duplicate groups among {record['codes']:,} codes: {record['groups']:,}"
            yield row(title, record["groups_s"], "s", "at most 60 of 1,000,000 codes")


def _fastest(here: dict[str, Record], title: str) -> Iterator[Row]:
    """The fastest of ours and of others at the wanted recall."""
    reached = {name: point["times_exact"] for name, record in here.items() if (point := at_wanted(record))}
    ours = {name: share for name, share in reached.items() if name in ENGINES}
    theirs = {name: share for name, share in reached.items() if not contenders.ours(name)}
    for whose, shares, against in (("ours", ours, f"at most 0.2 {_AT}"), ("others", theirs, "")):
        if shares:
            name = min(shares, key=shares.__getitem__)
            yield row(
                f"{title}: fastest of {whose} at recall@10 {WANTED}, {name} / exact", shares[name], "ratio", against
            )
    if ours and theirs:
        share = min(theirs.values()) / min(ours.values())
        yield row(f"{title}: fastest of others / fastest of ours", share, "ratio", "1 or more: auto takes the fastest")


def _growth(found: Sequence[Record]) -> Iterator[Row]:
    """How much longer semantic hashing takes on the largest set than on the least, at each effort of both, and what it
    finds there."""
    if len(found) > 1:
        few, many = found[0], found[-1]
        of_few = {point["effort"]: point for point in few["points"]}
        for more in many["points"]:
            if less := of_few.get(more["effort"]):
                recalls = f"recall@10 {less['recall@10']:.3f} and {more['recall@10']:.3f}"
                title = (
                    f"semantic hashing, {few['codes']:,} to {many['codes']:,} codes, effort {more['effort']}, {recalls}"
                )
                yield row(title, more["ms"] / less["ms"], "times as long", "less than 2 from 10,000 to 10,000,000")


def table(records: Sequence[Record]) -> str:
    """All of it as a table in Markdown."""
    lines = [f"| {' | '.join(_COLUMNS)} |", "|" + " --- |" * len(_COLUMNS)]
    for record in records:
        if record["contender"] not in NO_ENGINES:
            lines.append(f"| {' | '.join(_cells(record))} |")
    return "\n".join(lines) + "\n"


def _cells(record: Record) -> Iterator[str]:
    yield f"{record['codes']:,}"
    yield record["contender"]
    point = best(record)
    if point is None:
        yield from ["-"] * 8
        yield record.get("failed", "")
        return
    yield f"{point['effort']}"
    yield from (f"{point[key]:.3f}" for key in ("recall@10", "recall@100", "ms", "times_exact"))
    yield f"{point['batch_ms']:.3f}" if "batch_ms" in point else "-"
    yield f"{ready(record):.1f}"
    yield f"{1e6 * record['memory_mb'] / record['codes']:.0f}"
    yield f"{record['missed']} of {record['copies']:,}" if "missed" in record else record.get("failed", "")


def names(records: Sequence[Record]) -> list[str]:
    """The contenders of a run, in their own order."""
    there = {record["contender"] for record in records}
    return [name for name in contenders.names() if name in there]
