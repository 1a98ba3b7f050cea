-- Pages with what likely succeeded first.
CREATE INDEX threat_outcome ON threat (outcome, occurred_at, id);
CREATE INDEX alert_outcome ON alert (outcome, opened_at, id);
