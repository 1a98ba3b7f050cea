-- Threats, alerts, publications and checkpoints.
--
-- Times are milliseconds since 1970. Ids are the 16 bytes of a UUID. Addresses are the 16 bytes of
-- an IPv6 address, IPv4 in its mapped form, so that a network is a range of them.

-- What the store knows about itself.
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO meta (key, value) VALUES ('closed', 'yes'), ('boot', ''), ('checked', '0');

-- What threats are filtered and counted by. Narrow, so that a million of them are counted without
-- reading their documents.
CREATE TABLE threat (
    seq         INTEGER PRIMARY KEY,
    id          BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    occurred_at INTEGER NOT NULL,
    severity    INTEGER NOT NULL CHECK (severity BETWEEN 0 AND 4),
    score       REAL    NOT NULL,
    ip          BLOB    CHECK (length(ip) = 16),
    country     TEXT,
    path        TEXT    NOT NULL,
    path_hash   INTEGER NOT NULL,
    alert       BLOB    CHECK (length(alert) = 16)
) STRICT;

-- Pages, ranges of time and all statistics but those of rules; what they need stands in the index.
CREATE INDEX threat_time ON threat (occurred_at, id, severity, ip, path_hash);
-- Threats of one address or a small network.
CREATE INDEX threat_ip ON threat (ip, occurred_at, id);
-- Threats of one alert.
CREATE INDEX threat_alert ON threat (alert, occurred_at, id) WHERE alert IS NOT NULL;

-- Each threat as JSON, once: publications of new threats refer to it.
CREATE TABLE threat_document (
    seq      INTEGER PRIMARY KEY REFERENCES threat (seq) ON DELETE CASCADE,
    document TEXT NOT NULL
) STRICT;

-- Rules are few and their ids long.
CREATE TABLE rule (
    seq   INTEGER PRIMARY KEY,
    id    TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL
) STRICT;

-- Which rules fired on which threats: threats of a rule by time, and how many. Deleted together with
-- the threats by range of time, so it needs no index the other way.
CREATE TABLE threat_rule (
    rule        INTEGER NOT NULL REFERENCES rule (seq),
    occurred_at INTEGER NOT NULL,
    threat      BLOB    NOT NULL,
    PRIMARY KEY (rule, occurred_at, threat)
) STRICT, WITHOUT ROWID;

CREATE TABLE alert (
    id          BLOB    PRIMARY KEY CHECK (length(id) = 16),
    opened_at   INTEGER NOT NULL, -- the time of the threat that opened it: its place in lists, for good
    title       TEXT    NOT NULL,
    ip          BLOB    CHECK (length(ip) = 16),
    country     TEXT,
    family      TEXT    NOT NULL,
    severity    INTEGER NOT NULL CHECK (severity BETWEEN 0 AND 4),
    score       REAL    NOT NULL,
    state       INTEGER NOT NULL CHECK (state BETWEEN 0 AND 2), -- open, acknowledged, resolved
    count       INTEGER NOT NULL,
    first_seen  INTEGER NOT NULL,
    last_seen   INTEGER NOT NULL,
    last_threat BLOB    NOT NULL CHECK (length(last_threat) = 16),
    assignee    TEXT
) STRICT, WITHOUT ROWID;

-- Pages of alerts, of any state and of one.
CREATE INDEX alert_opened ON alert (opened_at, id);
CREATE INDEX alert_state ON alert (state, opened_at, id);
-- Alerts of one address or a small network.
CREATE INDEX alert_ip ON alert (ip, opened_at, id);

CREATE TABLE alert_change (
    alert  BLOB    NOT NULL REFERENCES alert (id) ON DELETE CASCADE,
    n      INTEGER NOT NULL,
    action TEXT    NOT NULL,
    by     TEXT    NOT NULL,
    at     INTEGER NOT NULL,
    note   TEXT,
    PRIMARY KEY (alert, n)
) STRICT, WITHOUT ROWID;

-- The channels that are kept. An epoch is made once and names the channel's offsets.
CREATE TABLE channel (
    seq         INTEGER PRIMARY KEY,
    name        TEXT    NOT NULL UNIQUE,
    epoch       TEXT    NOT NULL,
    next_offset INTEGER NOT NULL
) STRICT;

INSERT INTO channel (name, epoch, next_offset) VALUES
    ('threats', lower(hex(randomblob(5))), 1),
    ('alerts', lower(hex(randomblob(5))), 1);

-- What was published, to be told again after a restart. Without data: the document of threat `id`.
CREATE TABLE outbox (
    channel  INTEGER NOT NULL REFERENCES channel (seq),
    "offset" INTEGER NOT NULL,
    id       BLOB    NOT NULL CHECK (length(id) = 16),
    kind     TEXT    NOT NULL,
    at       INTEGER NOT NULL,
    severity INTEGER NOT NULL,
    data     TEXT,
    PRIMARY KEY (channel, "offset")
) STRICT, WITHOUT ROWID;

-- Where every source stands.
CREATE TABLE checkpoint (
    source TEXT PRIMARY KEY,
    state  TEXT NOT NULL
) STRICT, WITHOUT ROWID;
