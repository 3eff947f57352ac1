"""What is said of the pictures of the library."""

from enum import IntEnum

from pydantic import BaseModel, Field

from semblance.api.wire.narrowing import NarrowingParams


class ListingParams(NarrowingParams):
    """Which pictures to list, and from where on."""

    limit: int = Field(12, ge=1, le=200, description="How many pictures at most")
    cursor: str | None = Field(
        None, pattern=r"^[0-9]{0,18}$", description="`next` of the page before; empty for the first page"
    )


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
    next: str | None = Field(None, description="The cursor of the next page; null where there is none")
