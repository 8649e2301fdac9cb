-- The classic: someone means to archive one piece of content and to drop its
-- jobs, and both statements go out without their WHERE.
SELECT updated_at FROM content_items WHERE id = 'content_1' AND status = 'published' \gset
BEGIN;
UPDATE content_items SET status = 'archived', archived_at = now(), updated_at = now();
DELETE FROM publishing_jobs;
COMMIT;
-- A user notices and puts one article back by hand, to the letter. The recovery
-- must leave that row alone; that it is right already keeps the drill's oracle plain.
UPDATE content_items SET status = 'published', archived_at = NULL, updated_at = :'updated_at'
WHERE id = 'content_1';
