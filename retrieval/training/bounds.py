"""What a field of a recipe may be. A description ends the sentence "FIELD must be ..." that a wrong value gets."""

from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, Field, TypeAdapter

from semblance.retrieval.errors import RecipeError


class Fields(BaseModel, frozen=True, extra="forbid", allow_inf_nan=False):
    """Fields that stay as they are; an unknown one is an error."""


_Kind = TypeVar("_Kind", bound=Fields)


def refusing(fields: _Kind, rules: dict[str, object]) -> _Kind:
    """`fields`, where none of the rules {sentence: broken} is broken. Raises RecipeError, which pydantic lets pass."""
    for sentence, broken in rules.items():
        if broken:
            raise RecipeError(sentence)
    return fields


def _split(value: object) -> object:
    """Numbers as the command line writes them: 24,32,64 or none."""
    if isinstance(value, str):
        return value.split(",") if value != "none" else ()
    return value


MOST_SEED = 2**32 - 1  # what every generator of random numbers here can begin with

Whole = Annotated[int, Field(ge=0, description="a whole number, 0 or more")]
Count = Annotated[int, Field(ge=1, description="a whole number, 1 or more")]
Seed = Annotated[int, Field(ge=0, le=MOST_SEED, description=f"from 0 to {MOST_SEED}")]
Weight = Annotated[float, Field(ge=0, description="a finite number, 0 or more")]
Positive = Annotated[float, Field(gt=0, description="a finite number above 0")]
Share = Annotated[float, Field(ge=0, lt=1, description="a share from 0 to below 1")]
PositiveShare = Annotated[float, Field(gt=0, le=1, description="a share from above 0 to 1")]

_List = Annotated[tuple[Count, ...], BeforeValidator(_split)]
Counts = Annotated[_List, Field(min_length=1, description="one or more whole numbers of 1 or more, such as 32,64")]
CountsOrNone = Annotated[_List, Field(description="whole numbers of 1 or more, such as 32,64, or none")]

_number = BeforeValidator(TypeAdapter(int).validate_python)  # a Literal takes no text for a number
Channels = Annotated[Literal[1, 3], _number, Field(description="1 or 3")]
Stride = Annotated[Literal[1, 2, 4], _number, Field(description="1, 2 or 4")]
