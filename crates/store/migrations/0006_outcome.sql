-- Whether it succeeded: 0 an attempt, 1 unknown, 2 likely a success. Of an alert the worst of its threats.
ALTER TABLE threat ADD COLUMN outcome INTEGER NOT NULL DEFAULT 1;
ALTER TABLE alert ADD COLUMN outcome INTEGER NOT NULL DEFAULT 1;
