CREATE TABLE media_assets (
    id   text PRIMARY KEY,
    url  text NOT NULL,
    type text NOT NULL
);
