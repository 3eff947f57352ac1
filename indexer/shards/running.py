"""A whole run of `encode`: the plan, the shards that it lacks, and what there is then."""

import os
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from semblance.indexer.shards import away, making, places, plan, sources
from semblance.indexer.shards.making import Said
from semblance.indexer.shards.places import Place
from semblance.indexer.shards.plan import SHARD, Plan
from semblance.retrieval.codec import COPIES_MODEL, DEFAULT_MODEL, Codec
from semblance.retrieval.errors import ShardsError, UsageError
from semblance.retrieval.progress import Progress, quiet


@dataclass
class Summary:
    """What there is: `shards` in all, and of those `written` by this run; pictures `encoded` by this run, and `kept` of
    shards that were there; files `skipped`, which are no pictures; path and reason of each picture left out. `encoding`
    are the seconds of encoding alone, without listing and the beginning of a cluster."""

    shards: int = 0
    written: int = 0
    encoded: int = 0
    kept: int = 0
    skipped: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    encoding: float = 0.0


def encode(
    source: str,
    out: str,
    *,
    on: str | None = None,
    model: str | None = None,
    copies: str | None = None,
    shard: int | None = None,
    exclude: Sequence[str] = (),
    workers: int | None = None,
    progress: Progress = quiet,
) -> Summary:
    """Encode the pictures of `source` into shards in `out`, those that are not there yet: by the cores of this machine,
    or `on` a cluster ("ray", "ray://HOST:PORT"), with so many `workers` (None: as many as there are cores).

    Raises UsageError, ModelError, ShardsError, and ImportError of pyarrow or ray.
    """
    import pyarrow  # noqa: F401 - its absence is said before anything is looked at

    started = time.monotonic()
    address = away.address(on)
    place = places.place(out)
    codecs = _codecs(model, copies)
    found = sources.listed(source, out, exclude, progress)
    begun = plan.read(place)
    wanted, listed = plan.made(codecs, found.paths, shard or (begun.shard if begun else SHARD), source)
    plan.begin(place, wanted, listed)
    missing, there = _missing(place, wanted)
    told = _from(sum(each.encoded + len(each.failed) for each in there), progress, len(found.paths))
    told(0, 0)
    if address is None or not missing:
        made, encoding = _here(place, wanted, found.paths, missing, codecs, workers or os.cpu_count() or 1, told)
    else:
        made, encoding = away.make(place, wanted, missing, address, workers, told)
    summary = _summary(place, wanted, there, made)
    plan.begin(place, wanted, listed)  # once more: somebody may have removed it meanwhile, or begun another
    summary.skipped, summary.failed = found.skipped, {**found.unlisted, **summary.failed}
    summary.seconds, summary.encoding = time.monotonic() - started, encoding
    return summary


def _codecs(model: str | None, copies: str | None) -> list[Codec]:
    """The encoders of what is alike and of what is the same; one where they are one. Raises ModelError, UsageError."""
    alike, same = (
        Codec(default if name is None else name) for name, default in ((model, DEFAULT_MODEL), (copies, COPIES_MODEL))
    )
    if alike.bits != same.bits:
        raise UsageError(
            f"{alike.name} makes codes of {alike.bits} bits and {same.name} of {same.bits}: name two of one length."
        )
    return [*{codec.codec_id: codec for codec in (alike, same)}.values()]


def _missing(place: Place, wanted: Plan) -> tuple[list[int], list[Said]]:
    """The numbers of the shards that are not there, from somewhere on, and what is said of the others. Two runs that go
    on with one plan at the same time so mostly make different ones."""
    sizes, missing, there = place.sizes(), list[int](), list[Said]()
    for number in range(wanted.shards):
        name = wanted.name(number)
        said = making.said(place, wanted, number) if f"{name}.json" in sizes else None
        if said and sizes.get(f"{name}.parquet") == said.size:
            there.append(said)
        else:
            missing.append(number)
    start = random.randrange(len(missing)) if missing else 0
    return missing[start:] + missing[:start], there


def _here(
    place: Place,
    wanted: Plan,
    paths: Sequence[str],
    missing: Sequence[int],
    codecs: Sequence[Codec],
    threads: int,
    progress: Progress,
) -> tuple[set[int], float]:
    """Make shards by the cores of this machine, one after the other; the numbers of those made, and the seconds."""
    done, made, started = 0, set[int](), time.monotonic()
    for number in missing:
        run = paths[wanted.run(number)]
        if making.there(place, wanted, number) is None:  # nor has another run made it meanwhile
            making.make(place, wanted, number, run, codecs, threads, _from(done, progress))
            made.add(number)
        done += len(run)
        progress(done, 0)
    return made, time.monotonic() - started


def _from(before: int, progress: Progress, whole: int = 0) -> Progress:
    return lambda done, total: progress(before + done, whole or total)


def _summary(place: Place, wanted: Plan, there: Sequence[Said], made: set[int]) -> Summary:
    """What all shards say. Raises ShardsError where one is not there after all."""
    known = {said.number: said for said in there}
    summary = Summary(shards=wanted.shards, written=len(made))
    for number in range(wanted.shards):
        said = known.get(number) or making.there(place, wanted, number)
        if said is None:
            raise ShardsError(
                f"{place.shown} lacks {wanted.name(number)}, which was made: it has to be a folder that all machines "
                "share."
            )
        if number in made:
            summary.encoded += said.encoded
        else:
            summary.kept += said.encoded
        summary.failed |= {each["path"]: each["reason"] for each in said.failed}
    return summary
