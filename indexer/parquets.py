"""Parquet: the columns of a row of codes, and how they are read, a batch at a time, of files that may say anything."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from semblance.retrieval.facts import FACTS

BATCH = 8192  # rows
_LONGEST = 2**13  # bytes of a path, and of all that a row has: no system knows paths of half as many


def columns_of(width: int, told: dict[str, str]) -> Any:
    """The columns of a row as Arrow has them (pyarrow.Schema), of codes of so many bytes; `told` is of the whole file.
    Raises ImportError of pyarrow."""
    import pyarrow as pa

    kinds = {
        "id": pa.int64(),
        "path": pa.string(),
        "size": pa.int64(),
        "mtime": pa.int64(),
        "sha256": pa.binary(32),
        "codec_id": pa.string(),
        "code": pa.binary(width),
        **dict.fromkeys(FACTS[:2], pa.int64()),
        **dict.fromkeys(FACTS[2:4], pa.string()),
        **dict.fromkeys(FACTS[4:], pa.float64()),
    }
    return pa.schema([pa.field(name, kind, nullable=name in FACTS) for name, kind in kinds.items()], metadata=told)


def batches(file: Path | IO[bytes], wanted: Sequence[str]) -> Iterator[dict[str, list[Any]]]:
    """The columns of these names, as far as it has them, a batch after the other. ValueError where some thousand bytes
    of a file say that they are gigabytes: as values longer than any is, or one long value for many rows."""
    from pyarrow import parquet, types

    with parquet.ParquetFile(file) as opened:
        fields = [field for field in opened.schema_arrow if field.name in wanted]
        texts = [each.name for each in fields if types.is_string(each.type) or types.is_binary(each.type)]
        names = [field.name for field in fields]
        if any(types.is_fixed_size_binary(each.type) and each.type.byte_width > _LONGEST for each in fields):
            raise ValueError("its codes are longer than any")
        _expect_small(opened.metadata, names)
    # what stands there once for many rows stays so until it was looked at
    with parquet.ParquetFile(file, read_dictionary=texts) as opened:
        for batch in opened.iter_batches(BATCH, columns=names):
            yield {name: _values(name, batch.column(name)) for name in names}


def _expect_small(metadata: Any, names: list[str]) -> None:
    """Raise ValueError where rows are longer than any can be, by what the file says of itself."""
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        columns = [group.column(n) for n in range(group.num_columns)]
        own = sum(
            max(each.total_uncompressed_size, each.num_values)  # of lists a byte may stand for thousands
            for each in columns
            if each.path_in_schema.partition(".")[0] in names
        )
        if own > 2**20 + _LONGEST * group.num_rows:
            raise ValueError(f"its {group.num_rows:,} rows have {own:,} bytes")


def _values(name: str, column: Any) -> list[Any]:
    from pyarrow import compute, types

    if types.is_dictionary(column.type):
        longest = compute.max(compute.binary_length(column.dictionary)).as_py() or 0
        if longest > _LONGEST:
            raise ValueError(f"a {name} has {longest:,} bytes")
    return column.to_pylist()  # type: ignore[no-any-return]
