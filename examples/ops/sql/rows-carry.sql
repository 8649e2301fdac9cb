-- Brings rows over that `rows-since.sql` kept in the folder `kept`. A row that is here already stays
-- as it is. Prints for each table: rows kept, rows brought over, and rows that are here with other
-- values. Twice does no harm. All of it, or nothing.
\set ON_ERROR_STOP 1
BEGIN;
-- Tables come in the order of their names: references between them are whole only at the end.
SET LOCAL session_replication_role = replica;
SELECT set_config('rows.kept', :'kept', true) \g /dev/null
CREATE TEMPORARY TABLE found (name text, kept bigint, brought bigint, differ bigint) ON COMMIT DROP;
DO $$
DECLARE
  folder CONSTANT text := current_setting('rows.kept');
  file text;
  name text;
  kept bigint;
  brought bigint;
  differ bigint;
BEGIN
  FOR file IN SELECT each FROM pg_ls_dir(folder) AS each WHERE each LIKE '%.copy' ORDER BY 1 LOOP
    name := left(file, -length('.copy'));
    EXECUTE format('CREATE TEMPORARY TABLE kept_rows (LIKE %s) ON COMMIT DROP', name::regclass);
    EXECUTE format('COPY kept_rows FROM %L', folder || '/' || file);
    GET DIAGNOSTICS kept = ROW_COUNT;
    EXECUTE format('INSERT INTO %1$s SELECT * FROM kept_rows AS old WHERE NOT EXISTS (
      SELECT FROM %1$s AS now WHERE now::text = old::text) ON CONFLICT DO NOTHING', name::regclass);
    GET DIAGNOSTICS brought = ROW_COUNT;
    EXECUTE format('SELECT count(*) FROM kept_rows AS old WHERE NOT EXISTS (
      SELECT FROM %s AS now WHERE now::text = old::text)', name::regclass) INTO differ;
    INSERT INTO found VALUES (name, kept, brought, differ);
    DROP TABLE kept_rows;
  END LOOP;
  IF NOT EXISTS (SELECT FROM found) THEN
    RAISE EXCEPTION 'REFUSED: % holds no rows of another server', folder;
  END IF;
END $$;
SELECT name, kept, brought, differ FROM found ORDER BY name;
COMMIT;
