-- Services that Strait did not make: where they are. They have no password that Strait knows of.
ALTER TABLE strait.service
    ALTER COLUMN password_verifier DROP NOT NULL,
    ADD COLUMN registration jsonb,
    -- What its operator should know, beside how it is.
    ADD COLUMN notice text,
    ADD CONSTRAINT service_is_made_or_registered CHECK ((password_verifier IS NULL) <> (registration IS NULL));

CREATE UNIQUE INDEX service_registered_once ON strait.service ((registration->>'host'), (registration->>'port'))
    WHERE registration IS NOT NULL;

-- The cloud's own name of a way, which published names follow; and whether its sessions come from any public address.
ALTER TABLE strait.way
    ADD COLUMN host text,
    ADD COLUMN from_internet boolean NOT NULL DEFAULT false;
