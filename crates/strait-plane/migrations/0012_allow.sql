-- Who may come by a service's public way and by its private one: a list of {"cidr", "description"}; null: whoever gets there.
ALTER TABLE strait.service
    ADD COLUMN allow_public jsonb,
    ADD COLUMN allow_private jsonb;
