"""Every error a user can meet, as one tree.

    SemblanceError                  one sentence: what is wrong, and what to do
    |-- PictureError                a picture that cannot be used
    |   |-- NotAPicture             its content is no picture in a format that Semblance reads
    |   |-- DamagedPicture          cut short, or its content contradicts its header
    |   |-- PictureTooLarge         too many bytes or pixels, said before anything is decoded
    |   `-- PictureTooCostly        it takes more time or memory to decode than a picture of its size may
    |-- NoDecoder                   no process to decode pictures in could be started
    |-- ModelError                  a model that is missing, incomplete or broken, or is given what it does not take
    |-- CodecMismatch               codes of one model offered where another's are kept
    |   `-- OtherCodec              a question or a cursor by codes of another model than the library's now
    |-- DatasetError                pictures with labels, or to train on, that cannot be read
    |-- TrainingError               training that cannot start or go on
    |   |-- RecipeError             an unknown recipe, or a field that is unknown or ill-typed
    |   `-- CheckpointError         a checkpoint that is damaged or of another recipe
    |-- LibraryError                a library that cannot be used
    |   |-- LibraryMissing          there is none at this place
    |   |-- LibraryLocked           another process is writing to it
    |   |-- NotWritable             its folder or its disk may be read only
    |   |-- DiskFull                there is no room for what is to be written
    |   |-- Overtaken               it has another codec, or another library is in its place, since it was asked
    |   |-- IndexAway               the server that holds its codes does not answer
    |   |-- CollectionGone          what holds its codes on that server is not there any more
    |   |-- NoPixels                it was indexed without the pixel baseline
    |   |-- NoCopies                it knows nothing of which pictures are the same yet
    |   |-- NoMap                   nobody has computed its map yet
    |   |-- NeedsCatalog            only a catalog knows it, and a service that answers from Milvus alone has none
    |   |-- NothingRemembered       its codes cannot be turned into pictures, or this picture has none
    |   |-- UnknownPicture          it has no picture of this id
    |   `-- Gone                    a picture's file has vanished since it was indexed
    |-- ShardsError                 a folder of shards that cannot be written, or is not whole
    |-- SnapshotError               a saved index that must not be trusted; it is rebuilt, so users seldom see this
    |-- StorageError                what lies at an address cannot be read, listed or written; an OSError too
    |   `-- NothingStored           there is nothing at an address
    |-- UnknownJob                  a service knows no job of this id
    |-- Outdated                    a page is asked of what is not kept any more
    |-- Busy                        more is asked than a service takes on at one time
    |   `-- Stopped                 pictures were being decoded for what has been interrupted, or is stopping
    |-- ServiceError                a service asked over HTTP is out of reach, or refuses for a reason of its own
    `-- UsageError                  arguments that make no sense together

The command line prints the sentence and exits with 2; the service answers with it as problem+json.
"""


class SemblanceError(Exception):
    """Base of all errors whose message is written for the user."""


class PictureError(SemblanceError):
    """A picture that cannot be used."""


class NotAPicture(PictureError):
    """The content is no picture in a format that Semblance reads."""


class DamagedPicture(PictureError):
    """The picture is cut short, or its content contradicts its header."""


class PictureTooLarge(PictureError):
    """The picture has more bytes or pixels than the limit."""


class PictureTooCostly(PictureError):
    """Decoding the picture takes more time or memory than the limit for its size."""


class NoDecoder(SemblanceError):
    """Pictures are decoded in processes of their own, and none could be started."""


class ModelError(SemblanceError):
    """A model is missing, incomplete or broken, or is given what it does not take."""


class CodecMismatch(SemblanceError):
    """Codes of one model were offered where another model's codes are kept."""


class OtherCodec(CodecMismatch):
    """A question is asked by codes of another model than the library's are now."""


class DatasetError(SemblanceError):
    """A dataset cannot be read, or is too small for what was asked."""


class TrainingError(SemblanceError):
    """Training cannot start or go on."""


class RecipeError(TrainingError):
    """An unknown recipe, or a field that is unknown or ill-typed."""


class CheckpointError(TrainingError):
    """A checkpoint is damaged or belongs to another recipe."""


class LibraryError(SemblanceError):
    """A library cannot be used."""


class LibraryMissing(LibraryError):
    """There is no library at this place."""


class LibraryLocked(LibraryError):
    """Another process is writing to the library."""


class NotWritable(LibraryError):
    """The library's folder or disk may be read, and not be written to."""


class DiskFull(LibraryError):
    """The disk that holds the library has no room left."""


class Overtaken(LibraryError):
    """A question was made by a codec that the library is not searched by any more: it has to be made anew."""

    def __init__(self) -> None:
        super().__init__("Another model or library has taken the place of the one that was asked: ask again.")


class IndexAway(LibraryError):
    """The server that holds the codes does not answer, or not in time."""


class CollectionGone(LibraryError):
    """There is no such collection in the Milvus, any more."""


class NoPixels(LibraryError):
    """The library was indexed without the pixel baseline."""


class NoCopies(LibraryError):
    """The library has no codes by which the same picture is known again."""

    def __init__(self) -> None:
        super().__init__("This library does not know copies yet: run `semblance index FOLDER --library DIR` once more.")


class NoMap(LibraryError):
    """The library has no map that could be shown."""


class NeedsCatalog(LibraryError):
    """What is asked only a catalog knows, and a service that answers from Milvus alone has none."""

    def __init__(self, what: str = "this") -> None:
        super().__init__(
            f"This service answers from Milvus alone, and {what} needs the library's catalog: ask a service of the "
            "library itself."
        )


class NothingRemembered(LibraryError):
    """There is no picture to be made of a picture's code."""


class UnknownPicture(LibraryError):
    """The library has no picture of this id."""


class Gone(LibraryError):
    """A picture's file has vanished since it was indexed."""


class ShardsError(SemblanceError):
    """A folder of shards cannot be written, is not whole, or is of another plan."""


class SnapshotError(SemblanceError):
    """A saved index is damaged, or belongs to another codec or another state of the library."""


class StorageError(SemblanceError, OSError):
    """What lies at an address cannot be read, listed or written; or nothing in that storage (`away`)."""

    def __init__(self, said: str, away: bool = False) -> None:
        super().__init__(said)
        self.away = away


class NothingStored(StorageError):
    """There is nothing at an address."""


class UnknownJob(SemblanceError):
    """A service knows no job of this id."""


class Outdated(SemblanceError):
    """A page is asked of what is not kept any more."""


class Busy(SemblanceError):
    """More is asked than a service takes on at one time."""


class Stopped(Busy):
    """Whoever wanted a picture decoded has given up, or is stopping."""


class ServiceError(SemblanceError):
    """A service that is asked over HTTP is out of reach (`status` None), or refuses for a reason of its own."""

    def __init__(self, detail: str, status: int | None = None) -> None:
        super().__init__(detail)
        self.status = status


class UsageError(SemblanceError):
    """Arguments that make no sense, alone or together."""
