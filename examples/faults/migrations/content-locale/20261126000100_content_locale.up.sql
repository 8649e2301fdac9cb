-- The release writes a language with each piece. The default is only for the rows that are
-- there: a release that does not know the column cannot insert any more.
ALTER TABLE content_items ADD COLUMN locale text NOT NULL DEFAULT 'en';
ALTER TABLE content_items ALTER COLUMN locale DROP DEFAULT;
