-- An endpoint of the creator's own that hears of events. Two secrets are valid while one replaces the other.
create table webhooks (
  creator_id uuid not null references creators,
  id uuid not null,
  url text not null,
  events text[] not null,
  sealed_secret text not null,
  sealed_previous_secret text,
  previous_until timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (creator_id, id)
);
select protect('webhooks');

-- One event for one endpoint, until it was taken or given up (`dead`). `result` is one of few coarse words, never what the endpoint said.
create table webhook_deliveries (
  creator_id uuid not null,
  id uuid not null default gen_random_uuid(),
  webhook_id uuid not null,
  event text not null,
  payload jsonb not null,
  status text not null default 'planned' check (status in ('planned', 'done', 'dead')),
  attempts integer not null default 0,
  leased_until timestamptz not null default 'epoch',
  result text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (creator_id, id),
  foreign key (creator_id, webhook_id) references webhooks (creator_id, id) on delete cascade
);
create index webhook_deliveries_webhook on webhook_deliveries (creator_id, webhook_id, created_at);
create index webhook_deliveries_waiting on webhook_deliveries (leased_until) where status = 'planned';
select protect('webhook_deliveries');

-- Plans a delivery for each endpoint of the creator that hears of the event, in the caller's transaction: what was not committed
-- is not told, and what was is not forgotten.
create function tell_webhooks(tenant uuid, what text, told jsonb) returns void
language sql set search_path = pg_catalog, public as $$
  insert into webhook_deliveries (creator_id, webhook_id, event, payload)
    select w.creator_id, w.id, what, told from webhooks w where w.creator_id = tenant and what = any (w.events)
$$;
revoke all on function tell_webhooks(uuid, text, jsonb) from public;
grant execute on function tell_webhooks(uuid, text, jsonb) to companero_app;

create function tell_message() returns trigger language plpgsql set search_path = pg_catalog, public as $$
begin
  perform tell_webhooks(new.creator_id, 'message', jsonb_build_object('conversation_id', new.conversation_id, 'id', new.id, 'seq', new.seq,
    'role', new.role, 'class', new.class, 'body', new.body, 'at', new.created_at));
  return null;
end $$;
revoke all on function tell_message() from public;
create trigger message_told after insert on messages for each row execute function tell_message();

create function tell_state() returns trigger language plpgsql set search_path = pg_catalog, public as $$
begin
  perform tell_webhooks(new.creator_id, 'conversation.state', jsonb_build_object('conversation_id', new.id, 'contact_id', new.contact_id,
    'program_id', new.program_id, 'program_version', new.program_version, 'state', new.state, 'control', new.control,
    'status', new.status, 'outcome', new.outcome, 'version', new.version, 'at', new.updated_at));
  return null;
end $$;
revoke all on function tell_state() from public;
create trigger state_told after update on conversations for each row
  when (old.state is distinct from new.state or old.status is distinct from new.status or old.control is distinct from new.control)
  execute function tell_state();

create function tell_document() returns trigger language plpgsql set search_path = pg_catalog, public as $$
begin
  perform tell_webhooks(new.creator_id, 'document', jsonb_build_object('document_id', new.id, 'title', new.title, 'status', new.status,
    'reason', new.reason, 'at', new.updated_at));
  return null;
end $$;
revoke all on function tell_document() from public;
create trigger document_told after update on documents for each row
  when (old.status is distinct from new.status and new.status in ('ready', 'failed')) execute function tell_document();

-- Claims deliveries that are due, at most `each` of one creator and none of those that are busy, so that one creator's slow endpoints
-- do not hold up the others.
create function routing.claim_webhooks(wall timestamptz, hold interval, each integer, most integer, busy uuid[]) returns table (creator_id uuid, id uuid)
language sql as $$
  update public.webhook_deliveries d set leased_until = wall + hold, attempts = d.attempts + 1, updated_at = wall
    from (select w.creator_id, w.id from public.webhook_deliveries w
          join (select n.creator_id, n.id, row_number() over (partition by n.creator_id order by n.leased_until, n.id) as place
                from public.webhook_deliveries n where n.status = 'planned' and n.leased_until <= wall) ranked
            on ranked.creator_id = w.creator_id and ranked.id = w.id
          where ranked.place <= each and w.creator_id <> all (busy) and w.status = 'planned' and w.leased_until <= wall
          order by w.leased_until limit most for update of w skip locked) due
    where d.creator_id = due.creator_id and d.id = due.id
    returning d.creator_id, d.id
$$;
select expose('webhook_deliveries', '{creator_id, id, status, attempts, leased_until}', '{attempts, leased_until, updated_at}');
select rest_while_suspended('webhook_deliveries');
select route('routing.claim_webhooks(timestamptz, interval, integer, integer, uuid[])');
