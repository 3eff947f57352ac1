"""Where the service runs: from arguments, then SEMBLANCE_* variables, then these defaults. Built once, passed down."""

import os
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

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
    folders: Annotated[list[Path], NoDecode] = Field(
        default=[], description="folders that may be indexed over HTTP, and all below them, beside those indexed before"
    )
    waiting: int = Field(default=64, ge=1, description="uploads that may wait for a slot; further ones are turned away")

    @field_validator("folders", mode="before")
    @classmethod
    def _apart(cls, folders: object) -> object:
        """From a variable as PATH has them: one after the other, with : between (on Windows ;)."""
        if isinstance(folders, str):
            folders = [part for part in folders.split(os.pathsep) if part]
        return [files.named(str(folder)) for folder in folders] if isinstance(folders, list | tuple) else folders

    @field_validator("library", mode="before")
    @classmethod
    def _named(cls, library: object) -> object:
        if library == "":  # a Path makes it the working folder
            raise ValueError("it is empty")
        return files.named(str(library))
