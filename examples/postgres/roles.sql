-- The roles of the stack and what each may do. Run once, as postgres, in the
-- database postgres; the passwords come from files and show in no command line.
\set smartbeak `cat /run/secrets/smartbeak`
\set replicator `cat /run/secrets/replicator`

-- Owner of the platform's database, and the only role its processes log in as.
CREATE ROLE smartbeak LOGIN PASSWORD :'smartbeak';
CREATE DATABASE smartbeak OWNER smartbeak;
REVOKE CONNECT, TEMPORARY ON DATABASE smartbeak FROM PUBLIC;

-- Streams WAL, takes base backups and rewinds an old primary. The last needs
-- these four functions and no superuser
-- (https://www.postgresql.org/docs/15/app-pgrewind.html, Notes).
CREATE ROLE replicator LOGIN REPLICATION PASSWORD :'replicator';
GRANT EXECUTE ON FUNCTION pg_catalog.pg_ls_dir(text, boolean, boolean) TO replicator;
GRANT EXECUTE ON FUNCTION pg_catalog.pg_stat_file(text, boolean) TO replicator;
GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_binary_file(text) TO replicator;
GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_binary_file(text, bigint, bigint, boolean) TO replicator;
