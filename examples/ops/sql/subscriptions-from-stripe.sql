-- Brings rows to what Stripe says. `differing.txt` holds the lines of `sb show differing` that
-- two people saw at Stripe. `last` is ROLLBACK (dry run) or COMMIT. All of it, or nothing.
\set ON_ERROR_STOP 1
BEGIN;
CREATE TEMPORARY TABLE said (id text PRIMARY KEY, customer text, status text, plan text,
    starts bigint, ends bigint, was text, had text) ON COMMIT DROP;
\copy said FROM 'differing.txt' (DELIMITER '|')
SELECT set_config('most.rows', '20', true), set_config('most.cents', '100000', true) \g /dev/null
CREATE TEMPORARY VIEW wanted AS
SELECT said.*, organization.id AS org, plans.price_cents AS cents, kept.id AS kept,
       kept.status AS status_now, kept.plan_id AS plan_now, coalesce(before.price_cents, 0) AS cents_before,
       said.status IN ('active', 'trialing') AS pays
FROM said
LEFT JOIN organizations AS organization ON organization.stripe_customer_id = said.customer
LEFT JOIN plans ON plans.id = said.plan
LEFT JOIN subscriptions AS kept ON kept.stripe_subscription_id = said.id
LEFT JOIN plans AS before ON before.id = kept.plan_id AND kept.status IN ('active', 'trialing');
DO $$ DECLARE listed integer := (SELECT count(*) FROM said);
  moved bigint := (SELECT sum(abs(CASE WHEN pays THEN cents ELSE 0 END - cents_before)) FROM wanted);
BEGIN
  IF listed > current_setting('most.rows')::integer THEN
    RAISE EXCEPTION 'REFUSED: % listed, at most % at once', listed, current_setting('most.rows');
  ELSIF EXISTS (SELECT FROM wanted WHERE org IS NULL OR cents IS NULL) THEN
    RAISE EXCEPTION 'REFUSED: a customer or a plan that is listed is unknown here';
  ELSIF EXISTS (SELECT FROM wanted WHERE coalesce(status_now, '') <> was OR coalesce(plan_now, '') <> had) THEN
    RAISE EXCEPTION 'REFUSED: a row has changed since it was listed';
  ELSIF moved > current_setting('most.cents')::bigint THEN
    RAISE EXCEPTION 'REFUSED: plans of % cents a month change, at most %', moved,
      current_setting('most.cents');
  END IF;
END $$;
-- First those that end: an organization has one active subscription.
UPDATE subscriptions AS kept SET status = wanted.status, updated_at = now(),
  cancelled_at = CASE WHEN wanted.status = 'cancelled' THEN coalesce(cancelled_at, now()) END,
  grace_until = coalesce(grace_until, now() + interval '7 days')
FROM wanted WHERE wanted.kept = kept.id AND NOT pays;
UPDATE subscriptions AS kept SET status = wanted.status, plan_id = wanted.plan, updated_at = now(),
  current_period_start = to_timestamp(starts), current_period_end = to_timestamp(ends),
  cancelled_at = NULL, grace_until = NULL
FROM wanted WHERE wanted.kept = kept.id AND pays;
INSERT INTO subscriptions (id, org_id, plan_id, status, stripe_customer_id, stripe_subscription_id,
  current_period_start, current_period_end)
SELECT id, org, plan, status, customer, id, to_timestamp(starts), to_timestamp(ends)
FROM wanted WHERE kept IS NULL;
-- The account: what became of each, and for how much a month.
SELECT said.id || ': ' || coalesce(nullif(was || ' ' || had, ' '), 'no row') || ' -> '
       || kept.status || ' ' || kept.plan_id || ', ' || to_char(
         CASE WHEN kept.status IN ('active', 'trialing') THEN plans.price_cents ELSE 0 END / 100.0,
         'FM990.00')
FROM said JOIN subscriptions AS kept ON kept.stripe_subscription_id = said.id
JOIN plans ON plans.id = kept.plan_id ORDER BY said.id;
:last;
