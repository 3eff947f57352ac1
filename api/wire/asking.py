"""How to search: what a request may say."""

from typing import Annotated

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from semblance.indexer.answers.asking import Engine
from semblance.retrieval.views import MOST as MOST_VIEWS

MAX_K = 1000

Id = Annotated[
    int, Path(ge=1, le=2**63 - 1, description="The picture's id in the library")
]  # what SQLite and FAISS can hold


class SimilarParams(BaseModel):
    """How to search: how many pictures, and by what."""

    model_config = ConfigDict(extra="forbid")

    k: int = Field(10, ge=1, le=MAX_K, description="How many pictures to return")
    engine: Engine = Field("code", description="What is alike, what is the same, or raw pixels as the baseline")


class SearchParams(SimilarParams):
    """The same for an uploaded picture, of which more is known than its code. Neither goes with engine pixel."""

    views: int = Field(1, ge=1, le=MOST_VIEWS, description="Search with so many views of the picture: flips and crops")
    refine: bool | None = Field(
        None, description="Order the nearest by how sure the picture's bits are: by codes true unless false is said"
    )
