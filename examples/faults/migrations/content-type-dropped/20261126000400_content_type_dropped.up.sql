-- A clean-up of a column that somebody took for unused.
ALTER TABLE content_items DROP COLUMN content_type;
