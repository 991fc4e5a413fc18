-- The request that put the present secret of an endpoint there, while it was tried again after its answer was lost: its first secret was told
-- to nobody, and must not take the place of the one that the endpoint knows.
alter table webhooks add column secret_by uuid;
