-- Migration of release 9d46c3e. The column is mandatory and has no default: an older release,
-- which does not fill it, can save no new content from here on.
ALTER TABLE content_items ADD COLUMN slug text;
UPDATE content_items SET slug = id;
ALTER TABLE content_items ALTER COLUMN slug SET NOT NULL;
