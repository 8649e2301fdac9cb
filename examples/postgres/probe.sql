-- NOT part of the platform: what drills use to measure, kept apart in a schema
-- of its own. Run once, as postgres, in the database smartbeak.
CREATE SCHEMA drillbook;
GRANT USAGE ON SCHEMA drillbook TO smartbeak;

-- The prober's rows. Deliberately without a key: a row that arrives twice must show.
CREATE TABLE drillbook.probe (
    seq bigint NOT NULL,
    at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
GRANT SELECT, INSERT ON drillbook.probe TO smartbeak;

-- One row for each host: its health check writes there to prove that it can.
CREATE TABLE drillbook.health (
    node text PRIMARY KEY,
    at   timestamptz NOT NULL
);
