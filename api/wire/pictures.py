"""What is said of the pictures of the library."""

from enum import IntEnum

from pydantic import BaseModel


class Side(IntEnum):
    """Pixels of the longer side of a view, at most: a few, so that browsers keep few of each picture."""

    SMALL, USUAL, LARGE = 1024, 2048, 4096


class Image(BaseModel):
    """A picture of the library."""

    id: int
    path: str


class Images(BaseModel):
    """Some pictures of the library."""

    images: list[Image]
