-- What users did with the release while it ran.
UPDATE content_items SET locale = 'de' WHERE id IN ('content_1', 'content_2', 'content_3');
INSERT INTO content_translations (content_id, locale, title) VALUES
    ('content_1', 'de', 'Artikel 1'),
    ('content_2', 'de', 'Artikel 2');
