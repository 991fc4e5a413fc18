-- What many timers at one instant ask of the record, with less work for each.

-- A claim changes no column that an index holds, and finds room on the page of its row (heap-only tuples; PostgreSQL 17, 65.7).
alter table timers set (fillfactor = 70);
-- So does a contact that is sent a nudge or has earned a reward.
alter table contacts set (fillfactor = 70);

-- Hydration as in 0005-turns.sql, with one look-up for all conversations of a creator.
create or replace function load_conversations(creators uuid[], ids uuid[]) returns table (conversation jsonb, contact jsonb)
language plpgsql
set search_path = pg_catalog, public
set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off set enable_material = off
as $$
declare
  tenant uuid;
begin
  perform set_config('role', 'companero_app', true);
  for tenant in select distinct creator from unnest(creators) as creator loop
    perform set_config('app.current_creator_id', tenant::text, true);
    return query select to_jsonb(c), to_jsonb(p)
      from unnest(creators, ids) as wanted (creator, id)
      cross join lateral (select * from conversations c where c.creator_id = tenant and c.id = wanted.id offset 0) as c
      cross join lateral (select * from contacts p where p.creator_id = tenant and p.id = c.contact_id offset 0) as p
      where wanted.creator = tenant;
  end loop;
end $$;

-- What endpoints hear of a conversation is put together for those that listen, not for every turn.
create or replace function tell_state() returns trigger language plpgsql set search_path = pg_catalog, public as $$
begin
  insert into webhook_deliveries (creator_id, webhook_id, event, payload)
    select w.creator_id, w.id, 'conversation.state', jsonb_build_object('conversation_id', new.id, 'contact_id', new.contact_id,
        'program_id', new.program_id, 'program_version', new.program_version, 'state', new.state, 'control', new.control,
        'status', new.status, 'outcome', new.outcome, 'version', new.version, 'at', new.updated_at)
      from webhooks w where w.creator_id = new.creator_id and 'conversation.state' = any (w.events);
  return null;
end $$;
