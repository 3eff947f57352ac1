"""Where the service runs: from arguments, then SEMBLANCE_* variables, then these defaults. Built once, passed down."""

import os
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Settings of the service; each is also an environment variable with the prefix SEMBLANCE_."""

    model_config = SettingsConfigDict(env_prefix="SEMBLANCE_", extra="ignore")

    library: Path
    model: str | None = None
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535)
    max_upload_mb: int = Field(25, ge=1, le=1024)
    decode_slots: int = Field(os.cpu_count() or 1, ge=1, description="pictures decoded at one time")
    waiting: int = Field(64, ge=1, description="uploads that may wait for a slot; further ones are turned away")
