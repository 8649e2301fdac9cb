ALTER TABLE content_items DROP COLUMN slug;
