-- What the cloud is to be told of is looked for after each change: not among all there is.
CREATE INDEX peering_waiting ON strait.peering (vpc_id)
    WHERE provisioned_id IS NOT NULL AND state IN ('initiating-request', 'pending-acceptance');
CREATE INDEX service_registered ON strait.service (id) WHERE registration IS NOT NULL;
-- Projects are named by their names too.
CREATE INDEX project_name ON strait.project (name);
