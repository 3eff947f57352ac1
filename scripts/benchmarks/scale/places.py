"""Where a set of codes lies, and what belongs to it: the one thing that the processes of `bench scale` share."""

from dataclasses import dataclass
from pathlib import Path

BITS = 256
QUERIES = 192
COPIES = 1000  # codes of the set that are asked for
STAGES = {
    "check": "checking",
    "lay": "laying",
    "group": "laying",
    "build": "measuring",
    "search": "measuring",
}  # and their modules


@dataclass(frozen=True)
class Place:
    """A folder that holds one set of codes under the ids 0 .. N - 1, and what one contender built of them."""

    folder: Path
    contender: str

    @property
    def size(self) -> int:
        """How many codes there are: the folder's name."""
        return int(self.folder.name)

    @property
    def real(self) -> Path:
        """The real codes (R, 32) that all sets are grown from; the first QUERIES of them are held out."""
        return self.folder.parent / "real.npy"

    @property
    def array(self) -> Path:
        """The codes (N, 32) as NumPy writes them."""
        return self.folder / "codes.npy"

    @property
    def library(self) -> Path:
        """The same codes as a library keeps them."""
        return self.folder / "codes.faiss"

    @property
    def queries(self) -> Path:
        """Codes (QUERIES, 32) of the set's own kind that are not in it."""
        return self.folder / "queries.npy"

    @property
    def truth(self) -> Path:
        """The distances (QUERIES, 2) of their 10th and 100th nearest."""
        return self.folder / "truth.npy"

    @property
    def built(self) -> Path:
        """What the contender built."""
        return self.folder / self.contender.replace(" ", "-")
