-- Stops with an error while there is content of a type that the older check does not know.
ALTER TABLE content_items
    DROP CONSTRAINT content_items_content_type_check,
    ADD CONSTRAINT content_items_content_type_check CHECK (content_type IN
        ('article', 'page', 'product', 'review', 'guide'));
