CREATE TABLE content_revisions (
    id         text PRIMARY KEY,
    content_id text NOT NULL,
    title      text NOT NULL,
    body       text NOT NULL,
    created_at timestamp DEFAULT now()
);
