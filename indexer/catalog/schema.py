"""The tables of catalog.sqlite, as numbered migrations.

MIGRATIONS[n] takes a catalog of version n to n + 1, and a new one is made by all of them, so there is one truth. What
was released is never edited. To change the schema, add a migration here and a library of the new version to
tests/indexer/catalog/schemas, which keeps one of every version; a test fails until it is there.

The version stands in SQLite's own `user_version`, and `application_id` tells a library from other SQLite files; both
belong to the transaction that changes them. Version 1 had neither, and is known by its tables.
"""

import sqlite3

from semblance.indexer.catalog import checksums

APPLICATION = 0x53424C43  # "SBLC"
_OF_VERSION_1 = {"library", "pictures", "failures", "codes", "removals"}

MIGRATIONS: list[list[str]] = [
    [
        """CREATE TABLE library (
    format INTEGER NOT NULL, id TEXT NOT NULL, created REAL NOT NULL, generation INTEGER NOT NULL,
    codec_id TEXT NOT NULL, bits INTEGER NOT NULL, model TEXT NOT NULL
)""",
        """CREATE TABLE pictures (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    path TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, sha256 BLOB NOT NULL
)""",
        "CREATE TABLE failures (path TEXT PRIMARY KEY, reason TEXT NOT NULL) WITHOUT ROWID",
        """CREATE TABLE codes (
    picture INTEGER NOT NULL REFERENCES pictures(id) ON DELETE CASCADE,
    codec_id TEXT NOT NULL, generation INTEGER NOT NULL, code BLOB NOT NULL,
    PRIMARY KEY (picture, codec_id)
) WITHOUT ROWID""",
        "CREATE INDEX codes_by_generation ON codes (generation)",
        "CREATE TABLE removals (picture INTEGER PRIMARY KEY, generation INTEGER NOT NULL)",
        "CREATE INDEX removals_by_generation ON removals (generation)",
    ],
    [  # several codecs, one of a purpose current; a random token for each generation; a mark of its own
        """CREATE TABLE codecs (
    codec_id TEXT PRIMARY KEY, bits INTEGER NOT NULL, model TEXT NOT NULL,
    purpose TEXT NOT NULL, current INTEGER NOT NULL
) WITHOUT ROWID""",
        "CREATE UNIQUE INDEX current_codecs ON codecs (purpose) WHERE current",
        "INSERT INTO codecs SELECT codec_id, bits, model, 'alike', 1 FROM library",
        "CREATE TABLE generations (number INTEGER PRIMARY KEY, token TEXT NOT NULL)",
        "INSERT INTO generations SELECT generation, lower(hex(randomblob(16))) FROM library",
        "CREATE TABLE identity (id TEXT NOT NULL, created REAL NOT NULL)",
        "INSERT INTO identity SELECT id, created FROM library",
        "DROP TABLE library",
        f"PRAGMA application_id = {APPLICATION}",
        # Version 1 looks here first: it refuses a format other than 1, and what it has open already it goes on reading.
        """CREATE VIEW library AS
    SELECT 2 AS format, id, created, (SELECT max(number) FROM generations) AS generation, codec_id, bits, model
    FROM identity, codecs WHERE purpose = 'alike' AND current""",
    ],
    [  # a checksum for each row; what tells a changed file; pictures by content; folders; pairs told apart by people
        *(
            f"ALTER TABLE {table} ADD COLUMN checksum INTEGER"
            for table in ("pictures", "failures", "codes", "removals", "codecs", "generations", "identity")
        ),
        "ALTER TABLE pictures ADD COLUMN ctime_ns INTEGER NOT NULL DEFAULT 0",  # 0: not known
        "ALTER TABLE pictures ADD COLUMN inode INTEGER NOT NULL DEFAULT 0",  # 0: not known
        "CREATE INDEX pictures_by_sha256 ON pictures (sha256)",
        """CREATE TABLE folders (
    path TEXT PRIMARY KEY, device INTEGER NOT NULL, named INTEGER NOT NULL, seen REAL NOT NULL, last INTEGER NOT NULL,
    checksum INTEGER
) WITHOUT ROWID""",
        """CREATE TABLE apart (
    first INTEGER NOT NULL REFERENCES pictures(id) ON DELETE CASCADE,
    second INTEGER NOT NULL REFERENCES pictures(id) ON DELETE CASCADE,
    checksum INTEGER, PRIMARY KEY (first, second)
) WITHOUT ROWID""",
        "CREATE INDEX apart_by_second ON apart (second)",
    ],
    [  # what pictures say of themselves; one without a row was not asked yet
        """CREATE TABLE facts (
    picture INTEGER PRIMARY KEY REFERENCES pictures(id) ON DELETE CASCADE,
    width INTEGER NOT NULL, height INTEGER NOT NULL, taken TEXT, camera TEXT, latitude REAL, longitude REAL,
    checksum INTEGER
)""",
        "CREATE INDEX facts_by_taken ON facts (taken) WHERE taken IS NOT NULL",
        "CREATE INDEX facts_by_camera ON facts (camera) WHERE camera IS NOT NULL",
        "CREATE INDEX facts_by_place ON facts (latitude, longitude) WHERE latitude IS NOT NULL",
        "CREATE INDEX facts_by_pixels ON facts (width * height)",
    ],
    [  # how many pictures there are, which takes SQLite a second to count where they are ten million
        "CREATE TABLE counted (pictures INTEGER NOT NULL, checksum INTEGER)",
        "INSERT INTO counted (pictures) SELECT count(*) FROM pictures",
        """CREATE TRIGGER picture_came AFTER INSERT ON pictures BEGIN
    UPDATE counted SET pictures = pictures + 1; END""",
        """CREATE TRIGGER picture_went AFTER DELETE ON pictures BEGIN
    UPDATE counted SET pictures = pictures - 1; END""",
    ],
]
VERSION = len(MIGRATIONS)
_FIRST_WITH_CHECKSUMS = 3
_FIRST_COUNTED = 5


def version(db: sqlite3.Connection) -> int:
    """The catalog's version, which may be above VERSION; 0 where this is no catalog."""
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    # In this order what another process migrates meanwhile is seen as it was, or as it is, never as neither.
    application, number = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
    return int(number) if application == APPLICATION else int(application == 0 and tables >= _OF_VERSION_1)


def marked(db: sqlite3.Connection) -> int:
    """The mark of the program whose file this is; APPLICATION since version 2."""
    return int(db.execute("PRAGMA application_id").fetchone()[0])


def tables(db: sqlite3.Connection) -> list[tuple[str, str, str]]:
    """Kind, name and SQL of all that was made, by name."""
    return db.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name").fetchall()


def migrate(db: sqlite3.Connection) -> None:
    """Bring a catalog, or an empty file, to VERSION in one transaction: a kill leaves the old or the new, whole."""
    db.execute("BEGIN IMMEDIATE")
    try:
        before = version(db)
        for number in range(before, VERSION):
            for statement in (*MIGRATIONS[number], f"PRAGMA user_version = {number + 1}"):
                db.execute(statement)
        if before < _FIRST_WITH_CHECKSUMS <= VERSION:
            checksums.fill(db)
        elif before < _FIRST_COUNTED <= VERSION:
            checksums.fill(db, ("counted",))
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:  # SQLite has rolled back by itself where the disk is full
            db.execute("ROLLBACK")
        raise
