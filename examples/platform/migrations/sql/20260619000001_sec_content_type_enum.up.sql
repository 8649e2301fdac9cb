ALTER TABLE content_items
    DROP CONSTRAINT content_items_content_type_check,
    ADD CONSTRAINT content_items_content_type_check CHECK (content_type IN
        ('article', 'page', 'product', 'review', 'guide', 'post', 'image', 'video'));
