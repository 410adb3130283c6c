-- Which store this is: what a cloud's account holds for it carries this id, so that others in that account are left alone.
CREATE TABLE strait.store (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    id     text NOT NULL
);
INSERT INTO strait.store (id) VALUES (left(replace(gen_random_uuid()::text, '-', ''), 16));
