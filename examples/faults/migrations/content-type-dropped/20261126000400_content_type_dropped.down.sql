-- The column comes back; what stood in it does not.
ALTER TABLE content_items ADD COLUMN content_type text DEFAULT 'article';
