-- Entries are numbered when they are written and seen when their transaction is committed, which may be in another order. So a
-- transaction says before its first entry, for as long as it lasts, which number was the last one: all of its own are greater. Who
-- reads on after a number reads no further than what all have said who still write, and misses nothing; writers wait for nobody.

-- The last number that was given away.
CREATE FUNCTION strait.audit_last() RETURNS bigint LANGUAGE sql VOLATILE AS $$
    SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END FROM strait.audit_id_seq;
$$;

-- It is said by a lock that is shared, so that nobody waits for one: "Au" and the number, of 48 bits.
CREATE FUNCTION strait.audit_begins() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF coalesce(current_setting('strait.audit_begun', true), '') = '' THEN
        PERFORM pg_advisory_xact_lock_shared((16757::bigint << 48) | strait.audit_last());
        PERFORM set_config('strait.audit_begun', 'yes', true);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER begins BEFORE INSERT ON strait.audit FOR EACH STATEMENT EXECUTE FUNCTION strait.audit_begins();

-- The last number there is, and the last one up to which no entry can appear any more.
CREATE FUNCTION strait.audit_settled(OUT newest bigint, OUT settled bigint) LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    -- Before it is looked who writes: who begins later gets greater ones.
    newest := strait.audit_last();
    SELECT least(newest, min((classid::bigint << 32 | objid::bigint) & ((1::bigint << 48) - 1))) INTO settled
        FROM pg_locks
        WHERE locktype = 'advisory' AND objsubid = 1 AND mode = 'ShareLock' AND granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND classid::bigint >> 16 = 16757;
END $$;
