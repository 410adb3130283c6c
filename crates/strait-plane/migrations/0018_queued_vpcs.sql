-- A VPC whose range another one has that is being deleted is written down, and made when that is gone.
ALTER TABLE strait.vpc DROP CONSTRAINT vpc_ranges_disjoint;
ALTER TABLE strait.vpc ADD CONSTRAINT vpc_ranges_disjoint
    EXCLUDE USING gist (project_id WITH =, cidr inet_ops WITH &&) WHERE (status IN ('CREATING', 'CREATED', 'FAILED'));
-- The VPCs of a project were found by that constraint's index, which has not all of them any more.
CREATE INDEX vpc_of_project ON strait.vpc (project_id);
