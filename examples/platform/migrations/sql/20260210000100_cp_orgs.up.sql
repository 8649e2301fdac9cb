CREATE TABLE users (
    id         text PRIMARY KEY,
    email      text NOT NULL UNIQUE,
    created_at timestamp DEFAULT now()
);

CREATE TABLE organizations (
    id         text PRIMARY KEY,
    name       text NOT NULL,
    created_at timestamp DEFAULT now()
);

CREATE TABLE memberships (
    user_id    text REFERENCES users ON DELETE CASCADE,
    org_id     text REFERENCES organizations ON DELETE CASCADE,
    role       text NOT NULL CHECK (role IN ('owner', 'admin', 'editor', 'viewer')),
    created_at timestamp DEFAULT now(),
    PRIMARY KEY (user_id, org_id)
);

CREATE TABLE invites (
    id          text PRIMARY KEY,
    org_id      text REFERENCES organizations ON DELETE CASCADE,
    email       text NOT NULL,
    role        text NOT NULL CHECK (role IN ('admin', 'editor', 'viewer')),
    created_at  timestamp DEFAULT now(),
    accepted_at timestamp
);
