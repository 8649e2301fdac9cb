-- Rows to begin with on a developer's machine: one organization with its four roles, one
-- site and one place to publish to. Run by `npm run seed`, after the migrations, once.
BEGIN;

INSERT INTO plans (id, name, max_domains, max_content, price_cents, features)
VALUES ('plan_free', 'Free', 1, 25, 0, '[]');

INSERT INTO organizations (id, name) VALUES ('org_1', 'Example Organization 1');

INSERT INTO users (id, email) VALUES
    ('user_1', 'owner@example.com'),
    ('user_2', 'admin@example.com'),
    ('user_3', 'editor@example.com'),
    ('user_4', 'viewer@example.com');

INSERT INTO memberships (user_id, org_id, role) VALUES
    ('user_1', 'org_1', 'owner'),
    ('user_2', 'org_1', 'admin'),
    ('user_3', 'org_1', 'editor'),
    ('user_4', 'org_1', 'viewer');

INSERT INTO domains (id, org_id, name) VALUES ('dom_1', 'org_1', 'site1.example.com');

INSERT INTO publish_targets (id, domain_id, type, config, region)
VALUES ('target_1', 'dom_1', 'wordpress', '{"url": "https://site1.example.com"}', 'us-east-1');

COMMIT;
