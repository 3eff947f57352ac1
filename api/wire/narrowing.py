"""What pictures are narrowed to: the parameters that every way of asking and listing has. What makes no sense is said
where wishes are checked, for HTTP, the command line and Python alike."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from semblance.indexer.answers import wishes
from semblance.indexer.catalog import Narrowing

Day = Annotated[str, Field(json_schema_extra={"format": "date"}, examples=["2024-02-29"])]
Named = Annotated[str, Field(min_length=1, max_length=4096, pattern=r"^[^\x00]*$")]
PIXELS = "Only pictures of so many pixels or more"


class NarrowingParams(BaseModel):
    """Only pictures of a folder, of some days, by a camera, near a place, of some size."""

    model_config = ConfigDict(extra="forbid")

    folder: Named | None = Field(
        None,
        description="Only pictures in this folder or below it: its whole path, as /facets names it",
        json_schema_extra={"format": "folder"},
    )
    taken_from: Day | None = Field(None, description="Only pictures taken on this day or later, by the camera's clock")
    taken_to: Day | None = Field(None, description="Only pictures taken on this day or earlier")
    camera: Named | None = Field(None, description="Only pictures by this camera: its whole name, as /facets says")
    near: str | None = Field(
        None,
        description="Only pictures taken near a place: latitude,longitude in degrees, kilometres",
        examples=["48.86,2.35,10"],
        json_schema_extra={"format": "place"},
    )
    min_pixels: int | None = Field(None, ge=1, le=2**62, description=PIXELS)

    def wished(self, *others: str) -> dict[str, Any]:
        """What the request says of these, and of `others`, by the names of wishes. Raises UsageError."""
        said = {name: getattr(self, name) for name in self.model_fields_set & {*NarrowingParams.model_fields, *others}}
        if said.get("near") is not None:
            said["near"] = wishes.place(said["near"])
        return said

    def narrowing(self) -> Narrowing | None:
        """The same for the catalog; None where it says nothing. Raises UsageError."""
        return wishes.wishes(**self.wished()).among
