-- Every change is an operation that one can watch. Those of one object are done in the order of their numbers.
CREATE TABLE strait.operation (
    id              text PRIMARY KEY,
    number          bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    project_id      text NOT NULL REFERENCES strait.project ON DELETE CASCADE,
    action          text NOT NULL,
    -- The object may be gone by now.
    object_kind     text NOT NULL,
    object_id       text NOT NULL,
    object_name     text NOT NULL,
    actor           text NOT NULL,
    state           text NOT NULL DEFAULT 'queued',
    -- What a service is to be; null where that stays as it is.
    wanted          text,
    network         text,
    -- The way that it is moved away from.
    former          text,
    drain_seconds   integer NOT NULL DEFAULT 0,
    steps           jsonb NOT NULL DEFAULT '[]',
    before          jsonb NOT NULL DEFAULT '{}',
    after           jsonb NOT NULL DEFAULT '{}',
    reason_code     text,
    reason_message  text,
    next_action     text,
    -- The key is kept as a hash: the password of a new service comes from it.
    idempotency_key text,
    fingerprint     text,
    salt            text,
    created         timestamptz NOT NULL DEFAULT clock_timestamp(),
    started         timestamptz,
    ended           timestamptz,
    updated         timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE UNIQUE INDEX operation_once ON strait.operation (project_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX ON strait.operation (project_id, number DESC);
CREATE INDEX ON strait.operation (object_id, number DESC);
CREATE INDEX operation_open ON strait.operation (object_kind, object_id, number) WHERE ended IS NULL;
CREATE INDEX ON strait.operation (ended) WHERE ended IS NOT NULL;

CREATE TRIGGER tell_change AFTER INSERT OR UPDATE ON strait.operation
    FOR EACH ROW EXECUTE FUNCTION strait.tell_change();

-- While a way is drained, its open sessions may come to their end.
ALTER TABLE strait.way ADD COLUMN drained_at timestamptz;

-- A connection that ended can be asked for again: the same row, another request.
ALTER TABLE strait.peering ADD COLUMN attempt integer NOT NULL DEFAULT 1;

-- One that had ended before it was deleted stands in the way of no other one.
ALTER TABLE strait.peering ADD COLUMN ended boolean NOT NULL DEFAULT false;
DROP INDEX strait.peering_once;
CREATE UNIQUE INDEX peering_once ON strait.peering (vpc_id, peer_account_id, peer_vpc_id)
    WHERE state NOT IN ('failed', 'expired', 'rejected', 'deleted') AND NOT ended;

-- What happened, for those who follow it. Readers go by (xid, id) and up to the oldest transaction that is still open, so
-- that none that commits late is missed.
CREATE TABLE strait.event (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    xid          xid8 NOT NULL DEFAULT pg_current_xact_id(),
    project_id   text NOT NULL REFERENCES strait.project ON DELETE CASCADE,
    at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    kind         text NOT NULL,
    object_kind  text NOT NULL,
    object_id    text NOT NULL,
    operation_id text,
    data         jsonb NOT NULL
);
CREATE INDEX ON strait.event (project_id, xid, id);
CREATE INDEX ON strait.event (at);

CREATE FUNCTION strait.tell_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('strait_change', 'event:' || NEW.project_id);
    RETURN NULL;
END $$;
CREATE TRIGGER tell_event AFTER INSERT ON strait.event FOR EACH ROW EXECUTE FUNCTION strait.tell_event();

CREATE FUNCTION strait.note_vpc() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        -- Its project may be going too.
        INSERT INTO strait.event (project_id, kind, object_kind, object_id, data)
            SELECT id, 'vpc.gone', 'vpc', OLD.id, jsonb_build_object('name', OLD.name)
            FROM strait.project WHERE id = OLD.project_id;
    ELSIF TG_OP = 'INSERT' OR OLD.status IS DISTINCT FROM NEW.status THEN
        INSERT INTO strait.event (project_id, kind, object_kind, object_id, data)
            VALUES (NEW.project_id, 'vpc.status', 'vpc', NEW.id, jsonb_build_object('name', NEW.name, 'to', NEW.status)
                || CASE WHEN TG_OP = 'UPDATE' THEN jsonb_build_object('from', OLD.status) ELSE '{}' END);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON strait.vpc FOR EACH ROW EXECUTE FUNCTION strait.note_vpc();

CREATE FUNCTION strait.note_service() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        INSERT INTO strait.event (project_id, kind, object_kind, object_id, data)
            SELECT id, 'service.gone', 'service', OLD.id, jsonb_build_object('name', OLD.name)
            FROM strait.project WHERE id = OLD.project_id;
        RETURN NULL;
    END IF;
    IF TG_OP = 'INSERT' OR OLD.status IS DISTINCT FROM NEW.status THEN
        INSERT INTO strait.event (project_id, kind, object_kind, object_id, data)
            VALUES (NEW.project_id, 'service.status', 'service', NEW.id,
                jsonb_build_object('name', NEW.name, 'to', NEW.status)
                || CASE WHEN TG_OP = 'UPDATE' THEN jsonb_build_object('from', OLD.status) ELSE '{}' END);
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.current_network IS DISTINCT FROM NEW.current_network AND NEW.current_network IS NOT NULL THEN
        INSERT INTO strait.event (project_id, kind, object_kind, object_id, data)
            VALUES (NEW.project_id, 'service.network', 'service', NEW.id,
                jsonb_build_object('name', NEW.name, 'from', OLD.current_network, 'to', NEW.current_network));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON strait.service FOR EACH ROW EXECUTE FUNCTION strait.note_service();

CREATE FUNCTION strait.note_peering() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    project text;
    shown   strait.peering := CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
    about   jsonb := jsonb_build_object('vpc_id', shown.vpc_id, 'peer_vpc_id', shown.peer_vpc_id,
        'peer_account_id', shown.peer_account_id, 'provisioned_id', shown.provisioned_id);
BEGIN
    SELECT project_id INTO project FROM strait.vpc WHERE id = shown.vpc_id;
    IF project IS NULL THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'DELETE' THEN
        INSERT INTO strait.event (project_id, kind, object_kind, object_id, data)
            VALUES (project, 'peering.gone', 'peering', OLD.id, about);
        RETURN NULL;
    END IF;
    IF TG_OP = 'INSERT' OR OLD.state IS DISTINCT FROM NEW.state THEN
        INSERT INTO strait.event (project_id, kind, object_kind, object_id, data)
            VALUES (project, 'peering.state', 'peering', NEW.id, about || jsonb_build_object('to', NEW.state)
                || CASE WHEN TG_OP = 'UPDATE' THEN jsonb_build_object('from', OLD.state) ELSE '{}' END);
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.peer_cidrs IS DISTINCT FROM NEW.peer_cidrs THEN
        INSERT INTO strait.event (project_id, kind, object_kind, object_id, data)
            VALUES (project, 'peering.ranges', 'peering', NEW.id,
                about || jsonb_build_object('from', to_jsonb(OLD.peer_cidrs), 'to', to_jsonb(NEW.peer_cidrs)));
    END IF;
    IF TG_OP = 'UPDATE' AND (OLD.reason_code, OLD.admitted_cidrs) IS DISTINCT FROM (NEW.reason_code, NEW.admitted_cidrs) THEN
        INSERT INTO strait.event (project_id, kind, object_kind, object_id, data)
            VALUES (project, 'peering.admitted', 'peering', NEW.id,
                about || jsonb_build_object('to', to_jsonb(NEW.admitted_cidrs), 'reason', NEW.reason_code,
                    'message', NEW.reason_message));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON strait.peering FOR EACH ROW EXECUTE FUNCTION strait.note_peering();

CREATE FUNCTION strait.note_operation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' OR OLD.state IS DISTINCT FROM NEW.state THEN
        INSERT INTO strait.event (project_id, kind, object_kind, object_id, operation_id, data)
            VALUES (NEW.project_id, 'operation.state', NEW.object_kind, NEW.object_id, NEW.id,
                jsonb_build_object('action', NEW.action, 'name', NEW.object_name, 'to', NEW.state, 'actor', NEW.actor,
                    'reason', NEW.reason_code, 'message', NEW.reason_message));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER note AFTER INSERT OR UPDATE ON strait.operation FOR EACH ROW EXECUTE FUNCTION strait.note_operation();

-- Who works on what. A holder that does not renew in time has lost it, and knows so by its own clock.
CREATE TABLE strait.lease (
    key    text PRIMARY KEY,
    holder text NOT NULL,
    until  timestamptz NOT NULL
);

-- The mark of the server that published names last; null while one publishes.
ALTER TABLE strait.store ADD COLUMN published text;

-- What there is still something to do for is looked for every two seconds.
CREATE INDEX vpc_todo ON strait.vpc (id) WHERE status IN ('CREATING', 'DELETING');
CREATE INDEX peering_todo ON strait.peering (vpc_id) WHERE state IN ('initiating-request', 'deleting');
CREATE INDEX service_todo ON strait.service (id) WHERE revision <> reconciled;
