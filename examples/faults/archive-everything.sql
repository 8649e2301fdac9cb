-- The classic: someone means to archive one piece of content and to drop its
-- jobs, and both statements go out without their WHERE.
BEGIN;
UPDATE content_items SET status = 'archived', archived_at = now(), updated_at = now();
DELETE FROM publishing_jobs;
COMMIT;
