-- The families of an alert's threats, as a JSON array; and the title of its strongest detection,
-- which for a scan is not the alert's own.
ALTER TABLE alert ADD COLUMN families TEXT NOT NULL DEFAULT '[]';
ALTER TABLE alert ADD COLUMN worst TEXT NOT NULL DEFAULT '';
UPDATE alert SET families = json_array(family), worst = title;
