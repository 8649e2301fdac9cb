-- Brings plans to what Paddle says. `paddle.txt` holds the lines of `sb show paddle` that two
-- people saw at Paddle. `last` is ROLLBACK (dry run) or COMMIT. All of it, or nothing.
\set ON_ERROR_STOP 1
BEGIN;
CREATE TEMPORARY TABLE said (org text PRIMARY KEY, plan text, had text) ON COMMIT DROP;
\copy said FROM 'paddle.txt' (DELIMITER '|')
SELECT set_config('most.rows', '20', true), set_config('most.cents', '100000', true) \g /dev/null
CREATE TEMPORARY VIEW wanted AS
SELECT said.*, kept.id AS kept, kept.plan_id AS plan_now, plans.price_cents AS cents,
       before.price_cents AS cents_before, kept.stripe_subscription_id AS stripe
FROM said
LEFT JOIN plans ON plans.id = said.plan
LEFT JOIN subscriptions AS kept ON kept.org_id = said.org AND kept.status = 'active'
LEFT JOIN plans AS before ON before.id = kept.plan_id;
DO $$ DECLARE listed integer := (SELECT count(*) FROM said);
  moved bigint := (SELECT sum(abs(cents - cents_before)) FROM wanted);
BEGIN
  IF listed > current_setting('most.rows')::integer THEN
    RAISE EXCEPTION 'REFUSED: % listed, at most % at once', listed, current_setting('most.rows');
  ELSIF EXISTS (SELECT FROM wanted WHERE cents IS NULL) THEN
    RAISE EXCEPTION 'REFUSED: a plan that is listed is unknown here';
  ELSIF EXISTS (SELECT FROM wanted WHERE kept IS NULL) THEN
    RAISE EXCEPTION 'REFUSED: a listed organization has no active subscription here';
  ELSIF EXISTS (SELECT FROM wanted WHERE stripe IS NOT NULL) THEN
    RAISE EXCEPTION 'REFUSED: a listed organization pays at Stripe: finance says which one counts';
  ELSIF EXISTS (SELECT FROM wanted WHERE plan_now <> had) THEN
    RAISE EXCEPTION 'REFUSED: a row has changed since it was listed';
  ELSIF moved > current_setting('most.cents')::bigint THEN
    RAISE EXCEPTION 'REFUSED: plans of % cents a month change, at most %', moved,
      current_setting('most.cents');
  END IF;
END $$;
UPDATE subscriptions AS kept SET plan_id = wanted.plan, updated_at = now()
FROM wanted WHERE wanted.kept = kept.id;
-- The account: what became of each, and for how much a month.
SELECT said.org || ': ' || said.had || ' -> ' || kept.plan_id || ', '
       || to_char(plans.price_cents / 100.0, 'FM990.00')
FROM said JOIN subscriptions AS kept ON kept.org_id = said.org AND kept.status = 'active'
JOIN plans ON plans.id = kept.plan_id ORDER BY said.org;
:last;
