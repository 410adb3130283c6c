-- The successor of a peering connection that is being taken away is written down, and asked for when that is gone.
DROP INDEX strait.peering_once;
CREATE UNIQUE INDEX peering_once ON strait.peering (vpc_id, peer_account_id, peer_vpc_id)
    WHERE state NOT IN ('failed', 'expired', 'rejected', 'deleted', 'deleting');
