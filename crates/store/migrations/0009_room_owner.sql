-- Whose a room is, so that it counts for them after a restart too; none of what was kept before.
ALTER TABLE room ADD COLUMN owner TEXT;
