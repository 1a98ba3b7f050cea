-- Rooms that outlive a restart: the newest publications of each, as the bus has them.
CREATE TABLE room (
    seq         INTEGER PRIMARY KEY,
    name        TEXT    NOT NULL UNIQUE,
    epoch       TEXT    NOT NULL,
    next_offset INTEGER NOT NULL
) STRICT;

CREATE TABLE room_item (
    room     INTEGER NOT NULL REFERENCES room (seq),
    "offset" INTEGER NOT NULL,
    id       BLOB    NOT NULL CHECK (length(id) = 16),
    kind     TEXT    NOT NULL,
    at       INTEGER NOT NULL,
    severity INTEGER NOT NULL,
    data     TEXT    NOT NULL,
    PRIMARY KEY (room, "offset")
) STRICT;

-- Whether everything that was published in rooms is written down: `yes` only after a good end.
INSERT INTO meta (key, value) VALUES ('rooms_whole', 'yes');
