-- Hours are free or billed by when they were, whatever the plan is now: of a project's trials, `plan` has the present one or the last
-- one, and this has those before. The first one begins with the project, and has no beginning of its own.
ALTER TABLE strait.plan ADD COLUMN trial_began timestamptz;
ALTER TABLE strait.plan ADD CONSTRAINT plan_forward CHECK (trial_ends >= trial_began);

CREATE TABLE strait.former_trial (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id text NOT NULL REFERENCES strait.plan,
    began      timestamptz,
    ended      timestamptz NOT NULL
);
CREATE INDEX ON strait.former_trial (project_id);

CREATE FUNCTION strait.keep_trial() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO strait.former_trial (project_id, began, ended) VALUES (OLD.project_id, OLD.trial_began, OLD.trial_ends);
    RETURN NULL;
END $$;
CREATE TRIGGER keep_trial AFTER UPDATE OF trial_began ON strait.plan
    FOR EACH ROW WHEN (OLD.trial_began IS DISTINCT FROM NEW.trial_began) EXECUTE FUNCTION strait.keep_trial();

-- A VPC that waits for its deletion is there, and goes on counting until taking it away begins. One that was never made begins nothing.
CREATE OR REPLACE FUNCTION strait.meter_vpc() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM strait.meter(false, 'vpc', OLD.id, OLD.id, OLD.project_id, OLD.name);
    ELSIF NEW.status <> 'DELETING' OR NEW.removing THEN
        PERFORM strait.meter(NEW.status = 'CREATED', 'vpc', NEW.id, NEW.id, NEW.project_id, NEW.name);
    END IF;
    RETURN NULL;
END $$;
DROP TRIGGER meter ON strait.vpc;
CREATE TRIGGER meter AFTER INSERT OR DELETE OR UPDATE OF status, removing ON strait.vpc
    FOR EACH ROW EXECUTE FUNCTION strait.meter_vpc();

-- Those that wait counted until that was asked for, and count from now on.
SELECT strait.meter(true, 'vpc', v.id, v.id, v.project_id, v.name) FROM strait.vpc v
    WHERE v.status = 'DELETING' AND NOT v.removing
        AND EXISTS (SELECT FROM strait.metered m WHERE m.resource = 'vpc' AND m.object_id = v.id);
