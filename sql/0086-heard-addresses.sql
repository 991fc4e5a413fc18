-- Hearing somebody from an outside channel, in one round trip and with plans that are made once for a session: of what a provider's
-- webhook costs, asking for the same plans again with every message was the greater part. Row level security judges as before.

-- Notes that a person was heard: the window is open anew, to the minute, and they can be reached. No row for somebody unknown.
create function hear_address(tenant uuid, connection uuid, sender text, told_phone text, window_until timestamptz)
  returns table (conversation_id uuid, contact_id uuid, channel text, connection_id uuid, holds boolean)
language plpgsql
set search_path = pg_catalog, public
set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off set enable_material = off
as $$
#variable_conflict use_column
declare
  is_news boolean;
begin
  perform set_config('role', 'companero_app', true), set_config('app.current_creator_id', tenant::text, true);
  select c.id, c.contact_id, c.channel, c.connection_id,
      exists (select from deliveries d where d.creator_id = c.creator_id and d.conversation_id = c.id and d.status = 'held'),
      a.phone is distinct from coalesce(told_phone, a.phone) or a.unreachable is not null or a.strikes > 0
        or a.window_expires_at < window_until - interval '1 minute'
        or exists (select from addresses b where b.creator_id = a.creator_id and b.conversation_id = a.conversation_id
                   and b.connection_id = a.connection_id and b.external_id <> a.external_id)
    into conversation_id, contact_id, channel, connection_id, holds, is_news
    from addresses a join conversations c on c.creator_id = a.creator_id and c.id = a.conversation_id
    where a.creator_id = tenant and a.connection_id = connection and a.external_id = sender;
  if not found then return; end if;
  -- Most words change nothing of the address: what writes nothing need not wait for the disk.
  if is_news then
    update addresses a set phone = coalesce(told_phone, a.phone), window_expires_at = greatest(a.window_expires_at, window_until),
        unreachable = null, strikes = 0, updated_at = now()
      where a.creator_id = tenant and a.connection_id = connection and a.external_id = sender;
  end if;
  return next;
end $$;

-- Begins the conversation of one person and one connection, once, however many ask at the same time; somebody known by the same identity
-- stays the contact they are. `given` has the keys creator, connection, channel, sender, session, conversation, contact, name, language,
-- phone, window_until, at.
create function meet_address(given jsonb) returns uuid
language plpgsql
set search_path = pg_catalog, public
set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off set enable_material = off
as $$
declare
  tenant uuid := given ->> 'creator';
  connection uuid := given ->> 'connection';
  way text := given ->> 'channel';
  sender text := given ->> 'sender';
  session uuid := given ->> 'session';
  at timestamptz := given ->> 'at';
  person uuid;
  found_conversation uuid;
begin
  perform set_config('role', 'companero_app', true), set_config('app.current_creator_id', tenant::text, true);
  select c.id into found_conversation from conversations c where c.creator_id = tenant and c.session_id = session;
  if found_conversation is null then
    select i.contact_id into person from identities i where i.creator_id = tenant and i.channel = way and i.external_id = sender;
    if person is null then
      person := given ->> 'contact';
      insert into contacts (creator_id, id, name, language, created_at, updated_at)
        values (tenant, person, given ->> 'name', given ->> 'language', at, at);
      insert into identities (creator_id, channel, external_id, contact_id, created_at, updated_at)
        values (tenant, way, sender, person, at, at) on conflict do nothing;
      if not found then
        -- Another node was first: theirs is the contact.
        delete from contacts c where c.creator_id = tenant and c.id = person;
        select i.contact_id into person from identities i where i.creator_id = tenant and i.channel = way and i.external_id = sender;
      end if;
    end if;
    insert into conversations (creator_id, id, session_id, contact_id, channel, connection_id, created_at, updated_at)
      values (tenant, (given ->> 'conversation')::uuid, session, person, way, connection, at, at) on conflict (creator_id, session_id) do nothing;
    select c.id into strict found_conversation from conversations c where c.creator_id = tenant and c.session_id = session;
  end if;
  insert into addresses as a (creator_id, connection_id, external_id, conversation_id, phone, window_expires_at)
    values (tenant, connection, sender, found_conversation, given ->> 'phone', (given ->> 'window_until')::timestamptz)
    on conflict (creator_id, connection_id, external_id) do update set conversation_id = excluded.conversation_id,
      phone = coalesce(excluded.phone, a.phone), window_expires_at = greatest(a.window_expires_at, excluded.window_expires_at),
      unreachable = null, strikes = 0, updated_at = now();
  update conversations c set channel = way, connection_id = connection, version = c.version + 1, updated_at = now()
    where c.creator_id = tenant and c.id = found_conversation and (c.channel, c.connection_id) is distinct from (way, connection);
  return found_conversation;
end $$;

revoke all on function hear_address(uuid, uuid, text, text, timestamptz), meet_address(jsonb) from public;
grant execute on function hear_address(uuid, uuid, text, text, timestamptz), meet_address(jsonb) to companero_app;
