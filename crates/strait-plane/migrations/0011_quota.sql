-- Limits that are asked for, plans, and what is metered.

CREATE TABLE strait.quota_request (
    id         text PRIMARY KEY,
    project_id text NOT NULL REFERENCES strait.project ON DELETE CASCADE,
    quota      text NOT NULL,
    -- The limit when it was asked for, and the one that was asked for.
    present    integer NOT NULL,
    wanted     integer NOT NULL CHECK (wanted > present),
    reason     text NOT NULL,
    actor      text NOT NULL,
    actor_name text,
    created    timestamptz NOT NULL DEFAULT clock_timestamp(),
    state      text NOT NULL DEFAULT 'open',
    -- The limit that it came to, if it was granted.
    granted    integer,
    decided_by text,
    decided    timestamptz,
    word       text,
    CONSTRAINT quota_request_decided CHECK ((state = 'open') = (decided IS NULL)),
    CONSTRAINT quota_request_granted CHECK ((state = 'granted') = (granted IS NOT NULL))
);
CREATE UNIQUE INDEX quota_request_once ON strait.quota_request (project_id, quota) WHERE state = 'open';
CREATE INDEX ON strait.quota_request (project_id, created);
CREATE INDEX ON strait.quota_request (state, created);

CREATE FUNCTION strait.note_quota_request() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    about jsonb := jsonb_build_object('request', NEW.id, 'name', NEW.quota, 'actor', coalesce(NEW.decided_by, NEW.actor),
        'from', NEW.present, 'to', coalesce(NEW.granted, NEW.wanted), 'message', coalesce(NEW.word, NEW.reason));
BEGIN
    IF TG_OP = 'INSERT' OR OLD.state IS DISTINCT FROM NEW.state THEN
        PERFORM strait.note(NEW.project_id, 'quota.' || CASE NEW.state WHEN 'open' THEN 'requested' ELSE NEW.state END,
            'project', NEW.project_id, about);
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER note AFTER INSERT OR UPDATE ON strait.quota_request
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION strait.note_quota_request();

CREATE FUNCTION strait.note_quota() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    about jsonb := jsonb_build_object('name', NEW.quota, 'to', NEW.most);
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM strait.note(NEW.project_id, 'quota.limit', 'project', NEW.project_id, about);
    ELSIF OLD.most IS DISTINCT FROM NEW.most THEN
        PERFORM strait.note(NEW.project_id, 'quota.limit', 'project', NEW.project_id, about || jsonb_build_object('from', OLD.most));
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER note AFTER INSERT OR UPDATE ON strait.quota
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION strait.note_quota();

-- Until when a project's VPCs cost nothing. It outlives its project: what is to be paid for does too.
CREATE TABLE strait.plan (
    project_id   text PRIMARY KEY,
    project_name text NOT NULL,
    project_made timestamptz NOT NULL,
    project_gone timestamptz,
    trial_ends   timestamptz NOT NULL
);
-- Nobody pays for hours from before there were plans.
INSERT INTO strait.plan (project_id, project_name, project_made, trial_ends)
    SELECT id, name, created, clock_timestamp() + interval '30 days' FROM strait.project;

CREATE FUNCTION strait.keep_plan() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO strait.plan (project_id, project_name, project_made, trial_ends)
            VALUES (NEW.id, NEW.name, NEW.created, NEW.created + interval '30 days');
    ELSIF TG_OP = 'UPDATE' THEN
        UPDATE strait.plan SET project_name = NEW.name WHERE project_id = NEW.id;
    ELSE
        UPDATE strait.plan SET project_gone = clock_timestamp() WHERE project_id = OLD.id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER keep_plan AFTER INSERT OR DELETE OR UPDATE OF name ON strait.project
    FOR EACH ROW EXECUTE FUNCTION strait.keep_plan();

CREATE FUNCTION strait.note_plan() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM strait.note(NEW.project_id, 'plan.trial', 'project', NEW.project_id,
        jsonb_build_object('name', 'trial', 'from', OLD.trial_ends, 'to', NEW.trial_ends));
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER note AFTER UPDATE OF trial_ends ON strait.plan
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION strait.note_plan();

-- From when to when something was there. Written by triggers, so that nothing comes or goes without it.
CREATE TABLE strait.metered (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id text NOT NULL,
    resource   text NOT NULL,
    -- Of an endpoint, the service's id.
    object_id  text NOT NULL,
    vpc_id     text NOT NULL,
    name       text NOT NULL,
    began      timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended      timestamptz,
    CONSTRAINT metered_forward CHECK (ended >= began)
);
CREATE UNIQUE INDEX metered_once ON strait.metered (resource, object_id, vpc_id) WHERE ended IS NULL;
CREATE INDEX ON strait.metered (project_id, began);

-- Whether something is there from now on. The clock may have been set back meanwhile.
CREATE FUNCTION strait.meter(is_there boolean, of_resource text, of_object text, of_vpc text, of_project text, called text)
    RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF is_there THEN
        INSERT INTO strait.metered (project_id, resource, object_id, vpc_id, name)
            VALUES (of_project, of_resource, of_object, of_vpc, called)
            ON CONFLICT (resource, object_id, vpc_id) WHERE ended IS NULL DO NOTHING;
    ELSE
        UPDATE strait.metered SET ended = greatest(began, clock_timestamp())
            WHERE resource = of_resource AND object_id = of_object AND vpc_id = of_vpc AND ended IS NULL;
    END IF;
END $$;

CREATE FUNCTION strait.meter_vpc() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM strait.meter(false, 'vpc', OLD.id, OLD.id, OLD.project_id, OLD.name);
    ELSE
        PERFORM strait.meter(NEW.status = 'CREATED', 'vpc', NEW.id, NEW.id, NEW.project_id, NEW.name);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER meter AFTER INSERT OR DELETE OR UPDATE OF status ON strait.vpc
    FOR EACH ROW EXECUTE FUNCTION strait.meter_vpc();

CREATE FUNCTION strait.meter_way() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    about strait.service;
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.vpc_id IS NOT NULL THEN
            PERFORM strait.meter(false, 'endpoint', OLD.service_id, OLD.vpc_id, '', '');
        END IF;
    ELSIF NEW.vpc_id IS NOT NULL THEN
        SELECT * INTO about FROM strait.service WHERE id = NEW.service_id;
        PERFORM strait.meter(NEW.address IS NOT NULL AND NOT NEW.closing, 'endpoint', NEW.service_id, NEW.vpc_id,
            about.project_id, about.name);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER meter AFTER INSERT OR DELETE OR UPDATE OF address, closing ON strait.way
    FOR EACH ROW EXECUTE FUNCTION strait.meter_way();

-- The name that it has, or had last.
CREATE FUNCTION strait.meter_name() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE strait.metered SET name = NEW.name WHERE resource = TG_ARGV[0] AND object_id = NEW.id AND name <> NEW.name;
    RETURN NULL;
END $$;
CREATE TRIGGER meter_name AFTER UPDATE OF name ON strait.vpc
    FOR EACH ROW EXECUTE FUNCTION strait.meter_name('vpc');
CREATE TRIGGER meter_name AFTER UPDATE OF name ON strait.service
    FOR EACH ROW EXECUTE FUNCTION strait.meter_name('endpoint');
CREATE INDEX ON strait.metered (resource, object_id);

-- What is there already is metered from now on.
SELECT strait.meter(true, 'vpc', id, id, project_id, name) FROM strait.vpc WHERE status = 'CREATED';
SELECT strait.meter(true, 'endpoint', w.service_id, w.vpc_id, s.project_id, s.name)
    FROM strait.way w JOIN strait.service s ON s.id = w.service_id
    WHERE w.vpc_id IS NOT NULL AND w.address IS NOT NULL AND NOT w.closing;
