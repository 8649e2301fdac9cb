-- Keeps, on a server that is shut off, what it wrote since another one was promoted: a file for each
-- table in the folder `kept`. `first` is the lowest transaction of that time. A row that was deleted
-- or changed again since is not there as it was. Prints how many rows of each table it kept.
\set ON_ERROR_STOP 1
BEGIN;
SELECT set_config('rows.first', :'first', true), set_config('rows.kept', :'kept', true) \g /dev/null
CREATE TEMPORARY TABLE found (name text, number bigint) ON COMMIT DROP;
DO $$
DECLARE
  each regclass;
  number bigint;
  -- Not xmin >= first: transaction ids begin anew after 4 billion.
  since CONSTANT text := format('age(xmin) <= age(%L::xid)', current_setting('rows.first'));
BEGIN
  IF EXISTS (SELECT FROM pg_stat_activity WHERE client_addr IS NOT NULL) THEN
    RAISE EXCEPTION 'REFUSED: clients from other hosts are connected: shut this server off first';
  END IF;
  FOR each IN SELECT relid FROM pg_stat_user_tables WHERE schemaname !~ '^pg_temp'
    ORDER BY relid::regclass::text LOOP
    EXECUTE format('SELECT count(*) FROM %s WHERE %s', each, since) INTO number;
    IF number > 0 THEN
      EXECUTE format('COPY (SELECT * FROM %s WHERE %s) TO %L', each, since,
        current_setting('rows.kept') || '/' || each || '.copy');
      INSERT INTO found VALUES (each, number);
    END IF;
  END LOOP;
END $$;
SELECT name, number FROM found ORDER BY name;
COMMIT;
