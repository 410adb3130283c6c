-- Whether the deletion has begun to take things away; before that it can be given up.
ALTER TABLE strait.vpc ADD COLUMN removing boolean NOT NULL DEFAULT false;

-- A deletion that an earlier version began may be anywhere.
UPDATE strait.vpc SET removing = true WHERE status = 'DELETING'
    AND NOT EXISTS (SELECT 1 FROM strait.service s WHERE s.wanted_vpc = vpc.id);

-- What happened is written by one function; each object's trigger says what is worth telling. It is written when its transaction
-- commits (the triggers are deferred), one transaction of a project after the other: so the numbers of a project's events are
-- in the order in which they can be read, and readers need not wait for transactions that are open. Whoever has the lock
-- waits for nobody any more.
CREATE FUNCTION strait.note(of_project text, kind text, object_kind text, object_id text, data jsonb, operation text DEFAULT NULL)
    RETURNS void LANGUAGE sql AS $$
    SELECT pg_advisory_xact_lock(hashtextextended('strait.event:' || of_project, 0));
    -- Nobody can be told of a project that is going too.
    INSERT INTO strait.event (project_id, kind, object_kind, object_id, operation_id, data)
        SELECT id, kind, object_kind, object_id, operation, data FROM strait.project WHERE id = of_project;
$$;

CREATE OR REPLACE FUNCTION strait.note_vpc() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    shown strait.vpc := CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
    about jsonb := jsonb_build_object('name', shown.name);
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM strait.note(shown.project_id, 'vpc.gone', 'vpc', shown.id, about);
    ELSIF TG_OP = 'INSERT' THEN
        PERFORM strait.note(shown.project_id, 'vpc.status', 'vpc', shown.id, about || jsonb_build_object('to', NEW.status));
    ELSIF OLD.status IS DISTINCT FROM NEW.status THEN
        PERFORM strait.note(shown.project_id, 'vpc.status', 'vpc', shown.id,
            about || jsonb_build_object('from', OLD.status, 'to', NEW.status));
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION strait.note_service() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    shown strait.service := CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
    about jsonb := jsonb_build_object('name', shown.name);
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM strait.note(shown.project_id, 'service.gone', 'service', shown.id, about);
        RETURN NULL;
    END IF;
    IF TG_OP = 'INSERT' THEN
        PERFORM strait.note(shown.project_id, 'service.status', 'service', shown.id,
            about || jsonb_build_object('to', NEW.status));
        RETURN NULL;
    END IF;
    IF OLD.status IS DISTINCT FROM NEW.status THEN
        PERFORM strait.note(shown.project_id, 'service.status', 'service', shown.id,
            about || jsonb_build_object('from', OLD.status, 'to', NEW.status));
    END IF;
    IF OLD.current_network IS DISTINCT FROM NEW.current_network AND NEW.current_network IS NOT NULL THEN
        PERFORM strait.note(shown.project_id, 'service.network', 'service', shown.id,
            about || jsonb_build_object('from', OLD.current_network, 'to', NEW.current_network));
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION strait.note_peering() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    shown   strait.peering := CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
    project text := (SELECT project_id FROM strait.vpc WHERE id = shown.vpc_id);
    about   jsonb := jsonb_build_object('vpc_id', shown.vpc_id, 'peer_vpc_id', shown.peer_vpc_id,
        'peer_account_id', shown.peer_account_id, 'provisioned_id', shown.provisioned_id);
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM strait.note(project, 'peering.gone', 'peering', shown.id, about);
        RETURN NULL;
    END IF;
    IF TG_OP = 'INSERT' THEN
        PERFORM strait.note(project, 'peering.state', 'peering', shown.id, about || jsonb_build_object('to', NEW.state));
        RETURN NULL;
    END IF;
    IF OLD.state IS DISTINCT FROM NEW.state THEN
        PERFORM strait.note(project, 'peering.state', 'peering', shown.id,
            about || jsonb_build_object('from', OLD.state, 'to', NEW.state));
    END IF;
    IF OLD.peer_cidrs IS DISTINCT FROM NEW.peer_cidrs THEN
        PERFORM strait.note(project, 'peering.ranges', 'peering', shown.id,
            about || jsonb_build_object('from', to_jsonb(OLD.peer_cidrs), 'to', to_jsonb(NEW.peer_cidrs)));
    END IF;
    IF (OLD.reason_code, OLD.admitted_cidrs) IS DISTINCT FROM (NEW.reason_code, NEW.admitted_cidrs) THEN
        PERFORM strait.note(project, 'peering.admitted', 'peering', shown.id,
            about || jsonb_build_object('to', to_jsonb(NEW.admitted_cidrs), 'reason', NEW.reason_code,
                'message', NEW.reason_message));
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION strait.note_operation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' OR OLD.state IS DISTINCT FROM NEW.state THEN
        PERFORM strait.note(NEW.project_id, 'operation.state', NEW.object_kind, NEW.object_id,
            jsonb_build_object('action', NEW.action, 'name', NEW.object_name, 'to', NEW.state, 'actor', NEW.actor,
                'reason', NEW.reason_code, 'message', NEW.reason_message), NEW.id);
    END IF;
    RETURN NULL;
END $$;

-- A project's own life; its end takes its events along.
CREATE FUNCTION strait.note_project() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM strait.note(NEW.id, 'project.created', 'project', NEW.id, jsonb_build_object('name', NEW.name));
    ELSIF OLD.name IS DISTINCT FROM NEW.name THEN
        PERFORM strait.note(NEW.id, 'project.renamed', 'project', NEW.id,
            jsonb_build_object('name', NEW.name, 'from', OLD.name, 'to', NEW.name));
    END IF;
    RETURN NULL;
END $$;

DROP TRIGGER note ON strait.vpc;
DROP TRIGGER note ON strait.service;
DROP TRIGGER note ON strait.peering;
DROP TRIGGER note ON strait.operation;
CREATE CONSTRAINT TRIGGER note AFTER INSERT OR UPDATE ON strait.project
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION strait.note_project();
CREATE CONSTRAINT TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON strait.vpc
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION strait.note_vpc();
CREATE CONSTRAINT TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON strait.service
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION strait.note_service();
CREATE CONSTRAINT TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON strait.peering
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION strait.note_peering();
CREATE CONSTRAINT TRIGGER note AFTER INSERT OR UPDATE ON strait.operation
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION strait.note_operation();

ALTER TABLE strait.event DROP COLUMN xid;
CREATE INDEX ON strait.event (project_id, id);
