CREATE INDEX CONCURRENTLY content_items_title ON content_items (title)
