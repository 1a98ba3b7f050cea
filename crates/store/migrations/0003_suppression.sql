-- What is let pass on purpose. Rows stay after their end, so that it can be told who let what pass
-- and why; retention takes them in the end.
CREATE TABLE suppression (
    id         BLOB    PRIMARY KEY CHECK (length(id) = 16),
    rule       TEXT    NOT NULL,
    network    TEXT,
    path       TEXT,
    host       TEXT,
    reason     TEXT    NOT NULL,
    author     TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    removed_by TEXT,
    removed_at INTEGER,
    hits       INTEGER NOT NULL DEFAULT 0,
    last_seen  INTEGER
) STRICT, WITHOUT ROWID;
