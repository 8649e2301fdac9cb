DROP TABLE invites, memberships, organizations, users;
