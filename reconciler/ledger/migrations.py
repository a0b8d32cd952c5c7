"""The ledger's tables as numbered steps: version n is what the first n leave behind. A released step never changes."""

APPLICATION_ID = 0x52434E43  # "RCNC": how a ledger is told from any other SQLite file

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE facts (
            name TEXT PRIMARY KEY, value TEXT NOT NULL, checksum BIGINT NOT NULL)""",
        """CREATE TABLE entries (
            set_name TEXT NOT NULL, name TEXT NOT NULL, document TEXT NOT NULL, checksum BIGINT NOT NULL,
            PRIMARY KEY (set_name, name))""",
        """CREATE TABLE sessions (
            set_name TEXT NOT NULL, name TEXT NOT NULL, number BIGINT NOT NULL,
            app_id TEXT NOT NULL, channel TEXT NOT NULL, uid TEXT NOT NULL,
            is_open INTEGER NOT NULL, document TEXT NOT NULL, checksum BIGINT NOT NULL,
            PRIMARY KEY (set_name, name, number))""",
        "CREATE UNIQUE INDEX sessions_identity ON sessions (app_id, channel, uid) WHERE is_open = 1",
        "CREATE INDEX sessions_open ON sessions (set_name, name) WHERE is_open = 1",
        """CREATE TABLE events (
            id INTEGER PRIMARY KEY AUTOINCREMENT, set_name TEXT NOT NULL, name TEXT NOT NULL, at TEXT NOT NULL,
            document TEXT NOT NULL, checksum BIGINT NOT NULL)""",
        "CREATE INDEX events_key ON events (set_name, name, id)",
        "CREATE INDEX events_at ON events (at)",
        """CREATE TABLE claims (
            set_name TEXT NOT NULL, name TEXT NOT NULL, holder TEXT NOT NULL, generation BIGINT NOT NULL,
            PRIMARY KEY (set_name, name))""",
        """CREATE TABLE quota (
            app_id TEXT PRIMARY KEY, document TEXT NOT NULL, checksum BIGINT NOT NULL)""",
        """CREATE TABLE orders (
            set_name TEXT NOT NULL, name TEXT NOT NULL, document TEXT NOT NULL, checksum BIGINT NOT NULL,
            PRIMARY KEY (set_name, name))""",
        """CREATE TABLE standings (
            set_name TEXT PRIMARY KEY, document TEXT NOT NULL, checksum BIGINT NOT NULL)""",
        """CREATE TABLE declarations (
            set_name TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL,
            document TEXT NOT NULL, checksum BIGINT NOT NULL, PRIMARY KEY (set_name, kind, name))""",
        """CREATE TABLE daemons (
            set_name TEXT PRIMARY KEY, holder TEXT NOT NULL, source TEXT NOT NULL)""",
        """CREATE TABLE notices (
            id INTEGER PRIMARY KEY AUTOINCREMENT, notice_id TEXT NOT NULL UNIQUE, channel TEXT NOT NULL,
            received_at TEXT NOT NULL, document TEXT NOT NULL, checksum BIGINT NOT NULL)""",
        "CREATE INDEX notices_channel ON notices (channel, id)",
        "CREATE TABLE cursors (name TEXT PRIMARY KEY, position BIGINT NOT NULL, checksum BIGINT NOT NULL)",
    ),
)
