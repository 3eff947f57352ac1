"""What is only there where somebody asked for it: the packages of an extra, imported where they are used."""

from collections.abc import Iterator
from contextlib import contextmanager

from semblance.retrieval.errors import UsageError


@contextmanager
def extra(name: str, work: str) -> Iterator[None]:
    """Around imports that need an extra: a package that is missing is a sentence that says how to install them."""
    try:
        yield
    except ImportError as error:
        raise UsageError(f"{work} needs the extra packages ({error}): pip install 'semblance[{name}]'.") from error
