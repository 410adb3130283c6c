-- The audit: each change and each refusal, who, from where, what, before and after. Rows are added and never changed. A change's row is
-- written by triggers in the change's own transaction, so that none is lost and none is of a change that was not made. Projects
-- may be gone; their rows stay.
CREATE TABLE strait.audit (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor        text NOT NULL,
    actor_name   text,
    address      text,
    request_id   text,
    -- As it is written in the router, and as it was asked for.
    route        text,
    path         text,
    action       text NOT NULL,
    project_id   text,
    object_kind  text,
    object_id    text,
    object_name  text,
    operation_id text,
    before       jsonb NOT NULL DEFAULT '{}',
    after        jsonb NOT NULL DEFAULT '{}',
    outcome      text NOT NULL,
    code         text,
    message      text,
    -- Refusals that are like each other are counted.
    times        bigint NOT NULL DEFAULT 1
);
CREATE INDEX ON strait.audit (project_id, id);
CREATE INDEX ON strait.audit (at);
CREATE INDEX ON strait.audit (object_id, id) WHERE object_id IS NOT NULL;

CREATE FUNCTION strait.audit_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('strait.forgetting', true) = 'on' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'strait.audit is only added to: % is refused', TG_OP
        USING ERRCODE = 'insufficient_privilege', HINT = 'strait audit forget takes away what is old';
END $$;
CREATE TRIGGER stays BEFORE UPDATE OR DELETE OR TRUNCATE ON strait.audit
    FOR EACH STATEMENT EXECUTE FUNCTION strait.audit_stays();

-- Takes away what is older than this, which must be a month past; returns how much that was.
CREATE FUNCTION strait.audit_forget(until timestamptz) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    gone bigint;
BEGIN
    IF until > clock_timestamp() - interval '30 days' THEN
        RAISE EXCEPTION 'the audit of the last 30 days stays' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM set_config('strait.forgetting', 'on', true);
    DELETE FROM strait.audit WHERE at < until;
    GET DIAGNOSTICS gone = ROW_COUNT;
    PERFORM set_config('strait.forgetting', 'off', true);
    PERFORM strait.audit_change('audit.forget', NULL, 'audit', NULL, NULL, '{}',
        jsonb_build_object('until', until, 'rows', gone));
    RETURN gone;
END $$;

-- Who asks for what this transaction does, as the server has said; empty if nobody has.
CREATE FUNCTION strait.caller() RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT coalesce(nullif(current_setting('strait.caller', true), '')::jsonb, '{}');
$$;

-- Notes a change that is made with this transaction, by whoever asks for it.
CREATE FUNCTION strait.audit_change(action text, project text, kind text, object text, name text, before jsonb, after jsonb)
    RETURNS void LANGUAGE sql AS $$
    INSERT INTO strait.audit (actor, actor_name, address, request_id, route, path,
            action, project_id, object_kind, object_id, object_name, before, after, outcome)
        SELECT coalesce(who->>'actor', 'database:' || session_user), who->>'actor_name', who->>'address', who->>'request_id',
            who->>'route', who->>'path', action, project, kind, object, name, before, after, 'done'
        FROM strait.caller() who;
$$;

-- For a table whose rows are objects. Its arguments: the kind of object; the columns of the project (may be empty), the id and the
-- name; the columns that are shown; those that are secret, of which only that they changed is told; and `asked` where
-- only what somebody asked for counts. All other columns are not looked at.
CREATE FUNCTION strait.audit_row() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kind    text := TG_ARGV[0];
    was     jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
    becomes jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
    whole   jsonb := coalesce(becomes, was);
    before  jsonb := '{}';
    after   jsonb := '{}';
    verb    text := CASE TG_OP WHEN 'INSERT' THEN 'create' WHEN 'DELETE' THEN 'delete' ELSE 'change' END;
    name    text := whole->>TG_ARGV[3];
    field   text;
BEGIN
    IF TG_ARGV[6] = 'asked' AND strait.caller() = '{}' THEN
        RETURN NULL;
    END IF;
    FOREACH field IN ARRAY string_to_array(TG_ARGV[4], ',') LOOP
        IF was->>field IS DISTINCT FROM becomes->>field THEN
            before := before || CASE WHEN was IS NULL THEN '{}' ELSE jsonb_build_object(field, was->field) END;
            after := after || CASE WHEN becomes IS NULL THEN '{}' ELSE jsonb_build_object(field, becomes->field) END;
        END IF;
    END LOOP;
    FOREACH field IN ARRAY string_to_array(TG_ARGV[5], ',') LOOP
        IF TG_OP = 'UPDATE' AND was->>field IS DISTINCT FROM becomes->>field THEN
            before := before || jsonb_build_object(field, CASE WHEN was->>field IS NULL THEN 'none' ELSE 'one' END);
            after := after || jsonb_build_object(field, CASE WHEN becomes->>field IS NULL THEN 'none' ELSE 'another' END);
        END IF;
    END LOOP;
    IF TG_OP = 'UPDATE' AND before = '{}' AND after = '{}' THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'UPDATE' AND was->>'revoked' IS NULL AND becomes->>'revoked' IS NOT NULL THEN
        verb := 'revoke';
    END IF;
    IF whole ? 'person_id' THEN
        name := (SELECT email FROM strait.person WHERE id = whole->>'person_id');
    END IF;
    PERFORM strait.audit_change(kind || '.' || verb, whole->>TG_ARGV[1], kind, whole->>TG_ARGV[2], name, before, after);
    RETURN NULL;
END $$;

CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON strait.project
    FOR EACH ROW EXECUTE FUNCTION strait.audit_row('project', 'id', 'id', 'name', 'name', '', '');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON strait.api_key FOR EACH ROW EXECUTE FUNCTION
    strait.audit_row('key', 'project_id', 'public_key', 'name', 'name,role,created_by,expires,revoked', 'secret_hash', '');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON strait.quota
    FOR EACH ROW EXECUTE FUNCTION strait.audit_row('quota', 'project_id', 'quota', 'quota', 'most', '', '');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON strait.membership
    FOR EACH ROW EXECUTE FUNCTION strait.audit_row('member', 'project_id', 'person_id', '', 'role', '', '');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON strait.person
    FOR EACH ROW EXECUTE FUNCTION strait.audit_row('user', '', 'id', 'email', 'email,name,disabled', 'password_hash', '');
-- Sessions end by themselves too, and links are used up.
CREATE TRIGGER audit AFTER INSERT OR DELETE ON strait.session
    FOR EACH ROW EXECUTE FUNCTION strait.audit_row('session', '', 'id', '', 'address', '', 'asked');
CREATE TRIGGER audit AFTER INSERT ON strait.login_link
    FOR EACH ROW EXECUTE FUNCTION strait.audit_row('login-link', '', 'person_id', '', 'expires', '', 'asked');

-- What is made true later is noted when it is asked for, and again when it has come to its end.
CREATE FUNCTION strait.audit_operation() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    who  jsonb := CASE WHEN TG_OP = 'INSERT' THEN strait.caller() ELSE '{}' END;
    ends boolean := NEW.ended IS NOT NULL;
BEGIN
    IF TG_OP = 'UPDATE' AND (NOT ends OR OLD.ended IS NOT NULL) THEN
        RETURN NULL;
    END IF;
    INSERT INTO strait.audit (actor, actor_name, address, request_id, route, path,
            action, project_id, object_kind, object_id, object_name, operation_id, before, after, outcome, code, message)
        VALUES (NEW.actor, NEW.actor_name, who->>'address', who->>'request_id', who->>'route', who->>'path',
            NEW.action, NEW.project_id, NEW.object_kind, NEW.object_id, NEW.object_name, NEW.id, NEW.before, NEW.after,
            CASE WHEN NOT ends THEN 'accepted' WHEN NEW.state = 'succeeded' THEN 'done' ELSE 'failed' END,
            CASE WHEN ends THEN NEW.reason_code END, CASE WHEN ends THEN NEW.reason_message END);
    RETURN NULL;
END $$;
CREATE TRIGGER audit AFTER INSERT OR UPDATE ON strait.operation
    FOR EACH ROW EXECUTE FUNCTION strait.audit_operation();
