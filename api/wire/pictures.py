"""What is said of the pictures of the library."""

from pydantic import BaseModel


class Image(BaseModel):
    """A picture of the library."""

    id: int
    path: str


class Images(BaseModel):
    """Some pictures of the library."""

    images: list[Image]
