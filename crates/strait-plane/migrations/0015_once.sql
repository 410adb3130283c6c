-- What requests came to that count once and make no operation, for a day. In no project: what makes one.
CREATE TABLE strait.answer (
    idempotency_key text NOT NULL,
    actor           text NOT NULL,
    project_id      text REFERENCES strait.project ON DELETE CASCADE,
    fingerprint     text NOT NULL,
    deed            text NOT NULL,
    object_id       text NOT NULL,
    salt            text,
    created         timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT answer_once UNIQUE NULLS NOT DISTINCT (idempotency_key, actor, project_id)
);
CREATE INDEX ON strait.answer (project_id);
CREATE INDEX ON strait.answer (created);
