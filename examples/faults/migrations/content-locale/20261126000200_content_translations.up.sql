CREATE TABLE content_translations (
    content_id text NOT NULL REFERENCES content_items (id) ON DELETE CASCADE,
    locale     text NOT NULL,
    title      text NOT NULL,
    PRIMARY KEY (content_id, locale)
);
