"""Where the service runs: from arguments, then SEMBLANCE_* variables, then these defaults. Built once, passed down."""

import ipaddress
import json
import os
from pathlib import Path
from typing import Annotated, Self

from limits import parse
from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from semblance.indexer.derived import engines
from semblance.indexer.milvus import address
from semblance.retrieval import files, storage
from semblance.retrieval.errors import UsageError

RATE = "6000/minute"  # a page of thumbnails is a hundred requests
NO_LIBRARY = "Say which library: --library DIR, or SEMBLANCE_LIBRARY; or --index milvus://HOST:PORT/NAME for one there."


class Settings(BaseSettings):
    """Settings of the service; each is also an environment variable with the prefix SEMBLANCE_."""

    model_config = SettingsConfigDict(env_prefix="SEMBLANCE_", extra="ignore")

    library: Path | None = Field(None, description="its folder; may be left out where index is an address of Milvus")
    keys: Path | None = Field(None, description="the folder whose keys.json says who may ask; else the library's")
    model: str | None = None
    index: str = Field(engines.AUTO, description="what finds the nearest codes: see `semblance serve --help`")
    host: str = Field("127.0.0.1", min_length=1)  # to a socket, an empty host is every address there is
    port: int = Field(default=8000, ge=0, le=65535)
    allow_host: Annotated[list[str], NoDecode] = Field([], description="names that it answers to, beside loopback ones")
    open: bool = Field(False, description="may listen on an address that other machines reach, without keys")
    share: bool = Field(False, description="makes a key for this run, by which others may look")
    trust_proxy: Annotated[list[str], NoDecode] = Field(
        [], description="addresses and networks of proxies in front, whose X-Forwarded-* headers are believed"
    )
    max_upload_mb: int = Field(default=25, ge=1, le=1024)
    receiving_mb: int = Field(default=512, ge=1, description="uploads not answered yet; of one client a quarter")
    connections: int = Field(default=4096, ge=8, description="connections at one time")
    connections_each: int = Field(default=64, ge=1, description="and of one client address")
    header_seconds: float = Field(default=10, gt=0, description="for a request's header")
    body_seconds: float = Field(default=20, gt=0, description="between two pieces of an upload")
    slowest_upload: int = Field(default=20_000, ge=1, description="bytes a second, over the whole of an upload")
    write_seconds: float = Field(default=60, gt=0, description="in which a client reads nothing of its answer")
    keep_seconds: float = Field(default=15, gt=0, description="that a connection is kept for the next request")
    decode_slots: int = Field(default=os.cpu_count() or 1, ge=1, description="pictures decoded at one time")
    folders: Annotated[list[Path], NoDecode] = Field(
        default=[], description="folders that may be indexed over HTTP, and all below them, beside those indexed before"
    )
    pictures: Annotated[list[str], NoDecode] = Field(
        [],
        description="without a catalog: folders and addresses below which pictures are read; else all but the web",
    )
    waiting: int = Field(default=64, ge=1, description="uploads of one client that may wait for a slot")
    read_seconds: float = Field(default=10, gt=0, le=600, description="for which one look at a picture's file may last")
    reads_at_once: int = Field(default=8, ge=1, le=1000, description="files that are read at one time from one disk")

    rate: str = Field("", description=f"how often each key, or address, may ask, or off; if others reach it {RATE}")
    access_log: str = Field("", description="a file, - for standard error, empty for none")
    otel: str = Field("", description="where traces go, as http://localhost:4318; on: where OTEL_ variables say")
    audit: float = Field(0.005, ge=0, le=1, description="the share of answers that are asked again exactly")
    stuck_seconds: float = Field(120, gt=0, description="that the library's thread may be silent while all is well")
    cert: Path | None = Field(None, description="a certificate, or a chain of them, in PEM: https")
    key_file: Path | None = Field(None, description="its private key, where that is not in the same file")

    @field_validator("folders", mode="before")
    @classmethod
    def _apart(cls, folders: object) -> object:
        """From a variable as PATH has them: one after the other, with : between (on Windows ;)."""
        if isinstance(folders, str):
            folders = [part for part in folders.split(os.pathsep) if part]
        return [files.named(str(folder)) for folder in folders] if isinstance(folders, list | tuple) else folders

    @field_validator("pictures", mode="before")
    @classmethod
    def _places(cls, places: object) -> object:
        """From a variable with spaces between, or JSON, since addresses have colons in them."""
        if isinstance(places, str):
            places = json.loads(places) if places.lstrip().startswith("[") else places.split()
        if not isinstance(places, list | tuple):
            return places
        named = [storage.named(str(place)) for place in places]
        return [place if isinstance(place, str) else str(place.absolute()) for place in named]

    @property
    def public(self) -> bool:
        """Whether other machines may reach the address that is listened on."""
        try:
            loopback = ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            loopback = self.host == "localhost"
        return not loopback

    @property
    def needs_keys(self) -> bool:
        """Whether other machines reach the address that is listened on, and nobody said that they may."""
        return self.public and not self.open and not self.share

    @field_validator("allow_host", "trust_proxy", mode="before")
    @classmethod
    def _several(cls, value: object) -> object:
        """From a variable: JSON, or with commas between."""
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value) if value.lstrip().startswith("[") else [each.strip() for each in value.split(",")]
        except ValueError:
            raise ValueError("it is no list in JSON") from None

    @field_validator("allow_host")
    @classmethod
    def _names(cls, names: list[str]) -> list[str]:
        if wrong := [name for name in names if not name or "/" in name or "*" in name or name != name.strip()]:
            raise ValueError(f"{wrong[0]!r} is no host name (one is photos.example.com)")
        return names

    @field_validator("trust_proxy")
    @classmethod
    def _networks(cls, networks: list[str]) -> list[str]:
        for network in networks:
            try:
                ipaddress.ip_network(network)
            except ValueError as error:
                raise ValueError(f"{error} (one is 127.0.0.1 or 172.16.0.0/12)") from None
        return networks

    @field_validator("index")
    @classmethod
    def _there_is(cls, index: str) -> str:
        try:
            engines.check(index)
        except UsageError as error:
            raise ValueError(str(error)) from None
        return index

    @field_validator("rate")
    @classmethod
    def _rate(cls, text: str) -> str:
        try:
            if text not in ("", "off") and parse(text).amount < 1:
                raise ValueError
        except ValueError:
            raise ValueError(f"{text!r} is no rate (one is {RATE}), nor off") from None
        return text

    @field_validator("otel")
    @classmethod
    def _endpoint(cls, text: str) -> str:
        if text not in ("", "on") and not text.startswith(("http://", "https://")):
            raise ValueError(f"{text!r} is no address of a collector (one is http://localhost:4318), nor on")
        return text

    @model_validator(mode="after")
    def _served(self) -> Self:
        if self.library is None and not address.is_address(self.index):
            raise ValueError(NO_LIBRARY)
        return self

    @property
    def served(self) -> str:
        """What is served, in words; without the password that an address may have."""
        return str(self.library or address.parse(self.index))

    @field_validator("library", "keys", "cert", "key_file", mode="before")
    @classmethod
    def _named(cls, path: object) -> object:
        if path == "":  # a Path makes it the working folder
            raise ValueError("it is empty")
        return path if path is None else files.named(str(path))
