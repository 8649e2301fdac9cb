-- One statement, outside a transaction, so that the table can be written meanwhile.
CREATE UNIQUE INDEX CONCURRENTLY uq_subscriptions_org_active
    ON subscriptions (org_id) WHERE status = 'active';
