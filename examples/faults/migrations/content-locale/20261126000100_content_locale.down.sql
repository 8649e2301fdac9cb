ALTER TABLE content_items DROP COLUMN locale;
