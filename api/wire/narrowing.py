"""What pictures are narrowed to: the parameters that every way of asking and listing has, and what they mean."""

import math
from datetime import date
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator

from semblance.indexer.catalog import Narrowing

_NEAR = "latitude and longitude in degrees and kilometres, as near=48.137,11.575,25 says"


class NarrowingParams(BaseModel):
    """Only pictures of a folder, of some days, by a camera, near a place, of some size."""

    model_config = ConfigDict(extra="forbid")

    folder: str | None = Field(
        None,
        max_length=4096,
        description="Only pictures in this folder or below it: its path",
        json_schema_extra={"format": "folder"},
    )
    taken_from: date | None = Field(None, description="Only pictures taken on this day or later, by the camera's clock")
    taken_to: date | None = Field(None, description="Only pictures taken on this day or earlier")
    camera: str | None = Field(
        None, max_length=256, description="Only pictures by this camera: its name, as /facets says"
    )
    near: str | None = Field(
        None,
        max_length=100,
        description=f"Only pictures taken near a place: {_NEAR}",
        json_schema_extra={"format": "place"},
    )
    min_pixels: int | None = Field(None, ge=1, le=2**62, description="Only pictures with so many pixels or more")

    @field_validator("folder")
    @classmethod
    def _is_a_path(cls, said: str | None) -> str | None:
        if said is not None and (not Path(said).is_absolute() or "\0" in said):
            raise ValueError("a folder is a whole path, as /facets names them")
        return said

    @field_validator("near")
    @classmethod
    def _is_a_place(cls, said: str | None) -> str | None:
        if said is not None:
            _place(said)
        return said

    def narrowing(self) -> Narrowing:
        """The same for the catalog."""
        near = None if self.near is None else _place(self.near)
        return Narrowing(self.folder, self.taken_from, self.taken_to, self.camera, near, self.min_pixels)


def _place(said: str) -> tuple[float, float, float]:
    """ValueError where these are no place and distance."""
    try:
        latitude, longitude, km = map(float, said.split(","))
    except ValueError:
        raise ValueError(f"say {_NEAR}") from None
    if not (abs(latitude) <= 90 and abs(longitude) <= 180 and km > 0 and math.isfinite(km)):
        raise ValueError("latitudes go from -90 to 90, longitudes from -180 to 180, and a distance is above 0 km")
    return latitude, longitude, km
