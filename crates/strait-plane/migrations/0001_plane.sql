-- The plane's store. The schema `strait` is there before the first migration runs: sqlx keeps its own table in it.
CREATE EXTENSION IF NOT EXISTS btree_gist SCHEMA public;

CREATE TABLE strait.project (
    id      text PRIMARY KEY,
    name    text NOT NULL,
    created timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE strait.api_key (
    public_key  text PRIMARY KEY,
    project_id  text NOT NULL REFERENCES strait.project ON DELETE CASCADE,
    secret_hash text NOT NULL,
    created     timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX ON strait.api_key (project_id);

CREATE TABLE strait.quota (
    project_id text NOT NULL REFERENCES strait.project ON DELETE CASCADE,
    quota      text NOT NULL,
    most       integer NOT NULL CHECK (most >= 0),
    PRIMARY KEY (project_id, quota)
);

CREATE TABLE strait.vpc (
    id             text PRIMARY KEY,
    project_id     text NOT NULL REFERENCES strait.project,
    name           text NOT NULL,
    cidr           cidr NOT NULL,
    region_code    text NOT NULL,
    provisioned_id text,
    status         text NOT NULL DEFAULT 'CREATING',
    reason_code    text,
    reason_message text,
    created        timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated        timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT vpc_ranges_disjoint EXCLUDE USING gist (project_id WITH =, cidr inet_ops WITH &&)
);

CREATE TABLE strait.peering (
    id                      text PRIMARY KEY,
    vpc_id                  text NOT NULL REFERENCES strait.vpc,
    peer_account_id         text NOT NULL,
    peer_vpc_id             text NOT NULL,
    peer_region_code        text NOT NULL,
    provisioned_id          text,
    accepter_provisioned_id text,
    state                   text NOT NULL DEFAULT 'initiating-request',
    cloud_message           text NOT NULL DEFAULT '',
    expires_at              timestamptz,
    peer_cidrs              text[] NOT NULL DEFAULT '{}',
    -- What the cloud was last told to let in.
    admitted_cidrs          text[] NOT NULL DEFAULT '{}',
    reason_code             text,
    reason_message          text,
    -- Whether the cloud refused it, in contrast to something that may pass.
    refused                 boolean NOT NULL DEFAULT false,
    created                 timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated                 timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX ON strait.peering (vpc_id);
-- AWS has one connection for a pair of VPCs at a time.
CREATE UNIQUE INDEX peering_once ON strait.peering (vpc_id, peer_account_id, peer_vpc_id)
    WHERE state NOT IN ('failed', 'expired', 'rejected', 'deleted');

CREATE TABLE strait.service (
    id                text PRIMARY KEY,
    project_id        text NOT NULL REFERENCES strait.project,
    name              text NOT NULL,
    region_code       text NOT NULL,
    password_verifier text NOT NULL,
    wanted            text NOT NULL DEFAULT 'running',
    -- The Peering VPC that it should be reached through; public without one.
    wanted_vpc        text REFERENCES strait.vpc,
    status            text NOT NULL DEFAULT 'QUEUED',
    -- The way that its names lead to: 'public' or 'vpc:ID'.
    current_network   text,
    -- Counts the wishes; what was made true of them is `reconciled`.
    revision          bigint NOT NULL DEFAULT 1,
    reconciled        bigint NOT NULL DEFAULT 0,
    reason_code       text,
    reason_message    text,
    refused           boolean NOT NULL DEFAULT false,
    created           timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated           timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX ON strait.service (project_id);
CREATE INDEX ON strait.service (wanted_vpc);

-- A row is here before the way is made and until it is gone, so that a server that was killed knows of it.
CREATE TABLE strait.way (
    service_id     text NOT NULL REFERENCES strait.service ON DELETE CASCADE,
    network        text NOT NULL CHECK (network = coalesce('vpc:' || vpc_id, 'public')),
    vpc_id         text REFERENCES strait.vpc,
    address        inet,
    port           integer,
    provisioned_id text,
    sources        text[] NOT NULL DEFAULT '{}',
    loopback_port  integer,
    closing        boolean NOT NULL DEFAULT false,
    PRIMARY KEY (service_id, network)
);
CREATE INDEX ON strait.way (vpc_id);

-- Tells those who wait for an object that it changed. Reconcilers listen on `strait_work`, which only wishes go to.
CREATE FUNCTION strait.tell_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM pg_notify('strait_change', TG_TABLE_NAME || ':' || OLD.id);
    ELSE
        PERFORM pg_notify('strait_change', TG_TABLE_NAME || ':' || NEW.id);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER tell_change AFTER INSERT OR UPDATE OR DELETE ON strait.vpc
    FOR EACH ROW EXECUTE FUNCTION strait.tell_change();
CREATE TRIGGER tell_change AFTER INSERT OR UPDATE OR DELETE ON strait.peering
    FOR EACH ROW EXECUTE FUNCTION strait.tell_change();
CREATE TRIGGER tell_change AFTER INSERT OR UPDATE OR DELETE ON strait.service
    FOR EACH ROW EXECUTE FUNCTION strait.tell_change();
