-- The alerts that retention takes first.
CREATE INDEX alert_seen ON alert (last_seen, id, state);
