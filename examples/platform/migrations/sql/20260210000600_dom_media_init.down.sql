DROP TABLE media_assets;
