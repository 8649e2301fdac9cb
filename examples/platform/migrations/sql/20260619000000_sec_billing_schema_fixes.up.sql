ALTER TABLE plans
    ADD COLUMN interval text NOT NULL DEFAULT 'month',
    ADD COLUMN features jsonb NOT NULL DEFAULT '[]',
    ADD CONSTRAINT plans_price_cents_nonneg CHECK (price_cents >= 0);
ALTER TABLE subscriptions
    ADD COLUMN stripe_customer_id text,
    ADD COLUMN stripe_subscription_id text,
    ADD COLUMN current_period_start timestamptz,
    ADD COLUMN current_period_end timestamptz,
    ADD COLUMN cancelled_at timestamptz,
    ADD CONSTRAINT subscriptions_status_check CHECK (status IN ('active', 'cancelled', 'past_due',
        'trialing', 'incomplete', 'incomplete_expired', 'unpaid', 'paused'));
