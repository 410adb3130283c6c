-- Who may do what: people, their roles in projects, their sessions; keys with a role and an end.
CREATE TABLE strait.person (
    id            text PRIMARY KEY,
    -- In lower case.
    email         text NOT NULL UNIQUE,
    name          text NOT NULL,
    -- None: a login link is the only way in.
    password_hash text,
    disabled      boolean NOT NULL DEFAULT false,
    created       timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_login    timestamptz
);

CREATE TABLE strait.membership (
    project_id text NOT NULL REFERENCES strait.project ON DELETE CASCADE,
    person_id  text NOT NULL REFERENCES strait.person ON DELETE CASCADE,
    role       text NOT NULL,
    created    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (project_id, person_id)
);
CREATE INDEX ON strait.membership (person_id);

-- Of tokens, the hashes are kept.
CREATE TABLE strait.session (
    id         text PRIMARY KEY,
    token_hash text NOT NULL UNIQUE,
    person_id  text NOT NULL REFERENCES strait.person ON DELETE CASCADE,
    address    text,
    created    timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_seen  timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Whatever happens; without use it ends sooner.
    expires    timestamptz NOT NULL
);
CREATE INDEX ON strait.session (person_id);

CREATE TABLE strait.login_link (
    token_hash text PRIMARY KEY,
    person_id  text NOT NULL REFERENCES strait.person ON DELETE CASCADE,
    expires    timestamptz NOT NULL
);
CREATE INDEX ON strait.login_link (person_id);

-- Failed logins, by e-mail (whether there is such a person or not) and by address, so that all servers agree.
CREATE TABLE strait.login_failure (
    subject      text PRIMARY KEY,
    failures     integer NOT NULL,
    last         timestamptz NOT NULL,
    locked_until timestamptz
);

-- Keys that were made before there were roles keep what they could do.
ALTER TABLE strait.api_key
    ADD COLUMN name       text NOT NULL DEFAULT '',
    ADD COLUMN role       text NOT NULL DEFAULT 'owner',
    ADD COLUMN created_by text NOT NULL DEFAULT 'strait',
    ADD COLUMN expires    timestamptz,
    ADD COLUMN last_used  timestamptz,
    ADD COLUMN revoked    timestamptz;

-- What tokens are signed with, once the first one is.
CREATE TABLE strait.signing_key (
    single  boolean PRIMARY KEY DEFAULT true CHECK (single),
    secret  text NOT NULL,
    created timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- What the actor is called, where that is not its name already.
ALTER TABLE strait.operation ADD COLUMN actor_name text;

-- Two who choose the same key for a request do not get each other's answers.
DROP INDEX strait.operation_once;
CREATE UNIQUE INDEX operation_once ON strait.operation (project_id, actor, idempotency_key)
    WHERE idempotency_key IS NOT NULL;
