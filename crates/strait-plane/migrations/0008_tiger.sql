-- What Tiger's clients ask for beside the rest: a tag that services carry, extensions that they have from the start, and
-- those of a customer's ranges that may come in (null: all of them).
ALTER TABLE strait.service
    ADD COLUMN environment text NOT NULL DEFAULT 'DEV',
    ADD COLUMN addons text[] NOT NULL DEFAULT '{}';

ALTER TABLE strait.peering ADD COLUMN asked_cidrs text[];
