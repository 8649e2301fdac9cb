DROP TABLE org_usage;
