-- Words are cut at inner points, underlines and capitals from now on: documents are read again, and answer as they were read until then.
alter table documents no force row level security;
update documents set status = 'queued', progress = 0, reason = null, tried_from = attempts, leased_until = 'epoch', updated_at = now()
  where status = 'ready';
alter table documents force row level security;
