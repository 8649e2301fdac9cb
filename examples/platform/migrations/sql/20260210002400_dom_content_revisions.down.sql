DROP TABLE content_revisions;
