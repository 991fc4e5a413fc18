-- The X-Request-Id of the first try: what a request makes is named by it, so that a try after one that was cut off finds what is made already.
alter table idempotency_keys add column request_id uuid;
-- Who has not asked again for a day is forgotten in the daily round of all creators, who need not come back for that.
select expose('idempotency_keys', '{creator_id, claimed_at}');
create function routing.creators_with_old_keys(until timestamptz, most integer) returns table (creator_id uuid)
language sql stable as $$
  select distinct k.creator_id from public.idempotency_keys k where k.claimed_at < until limit most
$$;
select route('routing.creators_with_old_keys(timestamptz, integer)');
create index idempotency_keys_old on idempotency_keys (claimed_at);
