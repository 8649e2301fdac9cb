CREATE TABLE content_items (
    id           text PRIMARY KEY,
    domain_id    text NOT NULL,
    title        text NOT NULL,
    body         text NOT NULL,
    status       text NOT NULL CHECK (status IN ('draft', 'scheduled', 'published', 'archived')),
    content_type text DEFAULT 'article'
        CHECK (content_type IN ('article', 'page', 'product', 'review', 'guide')),
    publish_at   timestamp,
    archived_at  timestamp,
    created_at   timestamp DEFAULT now(),
    updated_at   timestamp DEFAULT now()
);
CREATE INDEX idx_content_items_domain_status ON content_items (domain_id, status);
CREATE INDEX idx_content_items_updated_at ON content_items (updated_at DESC);
