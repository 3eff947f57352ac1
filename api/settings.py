"""Where the service runs: from arguments, then SEMBLANCE_* variables, then these defaults. Built once, passed down."""

import os
from pathlib import Path

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from semblance.retrieval import files


class Settings(BaseSettings):
    """Settings of the service; each is also an environment variable with the prefix SEMBLANCE_."""

    model_config = SettingsConfigDict(env_prefix="SEMBLANCE_", extra="ignore")

    library: Path
    model: str | None = None
    host: str = Field("127.0.0.1", min_length=1)  # to a socket, an empty host is every address there is
    port: int = Field(default=8000, ge=0, le=65535)
    max_upload_mb: int = Field(default=25, ge=1, le=1024)
    decode_slots: int = Field(default=os.cpu_count() or 1, ge=1, description="pictures decoded at one time")
    waiting: int = Field(default=64, ge=1, description="uploads that may wait for a slot; further ones are turned away")
    read_seconds: float = Field(default=10, gt=0, le=600, description="for which one look at a picture's file may last")
    reads_at_once: int = Field(default=16, ge=1, le=1000, description="files that are read at one time from one disk")

    @field_validator("library", mode="before")
    @classmethod
    def _named(cls, library: object) -> object:
        if library == "":  # a Path makes it the working folder
            raise ValueError("it is empty")
        return files.named(str(library))
