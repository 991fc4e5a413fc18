-- The commit of turns, set by set: all turns of one creator share each statement, so that what a statement costs is paid once for
-- all of them. Row level security judges every row as before, in the context of its creator.
--
-- `batch` is one object for each creator, in the order of their ids: {creator, turns, inputs, …}, each part an array of rows that name
-- the place of their turn (`turn`) and its conversation. A part that is absent writes nothing. For each turn, by its place, one outcome:
--   committed                  everything was written
--   duplicate                  at least one input id was there already; known maps those ids to their first results; nothing written
--   conflict                   the conversation or its contact moved on (or is gone); nothing written
--
-- Plans are made once for a session, maybe on empty tables: the settings keep them to one look into a primary key for each row.
drop function commit_turns(jsonb);

-- The first results of a turn's inputs, by their ids; null when none of them is on record.
create function known_inputs(tenant uuid, part jsonb, turn integer) returns jsonb
language plpgsql set search_path = pg_catalog, public as $$
begin
  return (select jsonb_object_agg(i.input_id, i.result)
    from jsonb_to_recordset(part -> 'inputs') as n (turn integer, conversation uuid, id text)
    join inputs i on i.creator_id = tenant and i.conversation_id = n.conversation and i.input_id = n.id
    where n.turn = known_inputs.turn);
end $$;

-- A creator's part of a batch, less some of its turns.
create function without_turns(part jsonb, refused integer[]) returns jsonb
language plpgsql set search_path = pg_catalog, public as $$
begin
  return (select jsonb_build_object('creator', part -> 'creator') || coalesce(jsonb_object_agg(name, kept), '{}') from (
    select name, (select jsonb_agg(value) from jsonb_array_elements(list) where (value ->> 'turn')::integer <> all (refused)) as kept
      from jsonb_each(part - 'creator') as parts (name, list)) filtered where kept is not null);
end $$;

create function commit_turns(batch jsonb) returns table (turn integer, outcome text, known jsonb)
language plpgsql
set search_path = pg_catalog, public
set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off set enable_material = off
as $$
#variable_conflict use_column
declare
  part jsonb;
  tenant uuid;
  refused integer[];
  judged record;
  one record;
  written integer;
begin
  perform set_config('role', 'companero_app', true);
  for part in select value from jsonb_array_elements(batch) loop
    tenant := (part ->> 'creator')::uuid;
    perform set_config('app.current_creator_id', part ->> 'creator', true);
    refused := '{}';

    -- Locked in the order of their ids, conversations before contacts, so that two batches never wait for each other in a ring.
    perform from (select t.conversation from jsonb_to_recordset(part -> 'turns') as t (conversation uuid) order by t.conversation) as t
      cross join lateral (select from conversations c where c.creator_id = tenant and c.id = t.conversation for update) as locked;
    if part ? 'contacts' then
      perform from (
          select (select c.contact_id from conversations c where c.creator_id = tenant and c.id = n.conversation) as id
            from jsonb_to_recordset(part -> 'contacts') as n (conversation uuid) order by 1) as n
        cross join lateral (select from contacts p where p.creator_id = tenant and p.id = n.id for update) as locked;
    end if;

    for judged in
      select t.turn, t.conversation
        from (
          select t.turn, t.conversation,
              c.version = t.expected
                and t.contact_expected = (select p.version from contacts p where p.creator_id = tenant and p.id = c.contact_id)
                and row_number() over (partition by t.conversation order by t.turn) = 1
                -- Of two turns that change one contact the first goes on, the other sees the change on its next try.
                and bool_or(t.contact_changes) over (partition by c.contact_id order by t.turn
                  rows between unbounded preceding and 1 preceding) is not true as current
            from jsonb_to_recordset(part -> 'turns') as t (turn integer, conversation uuid, expected bigint, contact_expected bigint,
              contact_changes boolean)
            left join lateral (
              select c.version, c.contact_id from conversations c where c.creator_id = tenant and c.id = t.conversation offset 0) as c on true) as t
        where current is not true
    loop
      refused := refused || judged.turn;
      known := known_inputs(tenant, part, judged.turn);
      turn := judged.turn;
      outcome := case when known is null then 'conflict' else 'duplicate' end;
      return next;
    end loop;
    if refused <> '{}' then
      part := without_turns(part, refused);
      continue when not part ? 'turns';
    end if;

    -- The primary key finds the repeated ones. A row of an earlier turn was there before.
    insert into inputs (creator_id, conversation_id, input_id, turn, kind, payload, result, trace, created_at, updated_at)
      select tenant, i.conversation, i.id, i.version, i.kind, i.payload, i.result, i.trace, i.at, i.at
      from jsonb_to_recordset(part -> 'inputs') as i (conversation uuid, id text, version bigint, kind text, payload jsonb,
        result jsonb, trace jsonb, at timestamptz)
      on conflict do nothing;
    get diagnostics written = row_count;
    if written < jsonb_array_length(part -> 'inputs') then
      refused := '{}';
      for judged in
        select distinct n.turn, n.conversation, n.version
          from jsonb_to_recordset(part -> 'inputs') as n (turn integer, conversation uuid, id text, version bigint)
          join inputs i on i.creator_id = tenant and i.conversation_id = n.conversation and i.input_id = n.id and i.turn < n.version
      loop
        delete from inputs i where i.creator_id = tenant and i.conversation_id = judged.conversation and i.turn = judged.version;
        refused := refused || judged.turn;
        known := known_inputs(tenant, part, judged.turn);
        turn := judged.turn;
        outcome := 'duplicate';
        return next;
      end loop;
      part := without_turns(part, refused);
      continue when not part ? 'turns';
    end if;

    -- Every row is there and locked. Said as an upsert because its way through the primary key is no choice of the planner's, which
    -- on a table it knows nothing of would rather read all conversations of the creator.
    insert into conversations as c (creator_id, id, session_id, contact_id, channel, updated_at, seq, program_id, program_version,
        snapshot, state, control, status, outcome)
      select tenant, t.conversation, o.session_id, o.contact_id, o.channel, t.at, t.seq, t.program_id, t.program_version,
        t.snapshot, t.state, t.control, t.status, t.outcome
      from jsonb_to_recordset(part -> 'turns') as t (conversation uuid, at timestamptz, seq bigint, program_id uuid,
        program_version integer, snapshot text, state text, control text, status text, outcome text)
      cross join lateral (
        select o.session_id, o.contact_id, o.channel from conversations o where o.creator_id = tenant and o.id = t.conversation offset 0) as o
    on conflict (creator_id, id) do update set version = c.version + 1, updated_at = excluded.updated_at, seq = excluded.seq,
        program_id = excluded.program_id, program_version = excluded.program_version, snapshot = excluded.snapshot,
        state = excluded.state, control = excluded.control, status = excluded.status, outcome = excluded.outcome;

    if part ? 'messages' then
      insert into messages (creator_id, conversation_id, seq, id, role, class, body, created_at, updated_at)
        select tenant, m.conversation, m.seq, m.id, m.role, m.class, m.body, m.at, m.at
        from jsonb_to_recordset(part -> 'messages') as m (conversation uuid, seq bigint, id uuid, role text, class text, body jsonb,
          at timestamptz);
    end if;

    if part ? 'contacts' then
      for one in select * from jsonb_to_recordset(part -> 'contacts') as n (conversation uuid, at timestamptz, name text, zone text,
          language text, fields jsonb, consent jsonb, progress jsonb, sends jsonb, tags jsonb)
      loop
        update contacts p set version = p.version + 1, updated_at = one.at, name = one.name, zone = one.zone, language = one.language,
            fields = one.fields, consent = one.consent, progress = one.progress, sends = one.sends,
            tags = array(select jsonb_array_elements_text(one.tags))
          where p.creator_id = tenant
            and p.id = (select c.contact_id from conversations c where c.creator_id = tenant and c.id = one.conversation);
      end loop;
    end if;

    for one in select * from jsonb_to_recordset(part -> 'timers_cleared') as n (conversation uuid, id text) loop
      delete from timers t where t.creator_id = tenant and t.conversation_id = one.conversation and t.timer_id = one.id;
    end loop;
    if part ? 'timers_set' then
      insert into timers (creator_id, conversation_id, timer_id, generation, due_at, detail, created_at, updated_at)
        select tenant, t.conversation, t.id, t.generation, t.due_at, t.detail, t.at, t.at
        from jsonb_to_recordset(part -> 'timers_set') as t (conversation uuid, id text, generation bigint, due_at timestamptz,
          detail jsonb, at timestamptz)
      on conflict (creator_id, conversation_id, timer_id) do update
        set generation = excluded.generation, due_at = excluded.due_at, detail = excluded.detail,
            claimed_until = 'epoch', updated_at = excluded.updated_at;
    end if;

    for one in select * from jsonb_to_recordset(part -> 'effects_ended') as n (id text, status text, result jsonb, at timestamptz) loop
      update effects e set status = one.status, result = one.result, updated_at = one.at
        where e.creator_id = tenant and e.id = one.id and e.status = 'planned';
    end loop;
    if part ? 'effects' then
      insert into effects (creator_id, id, conversation_id, type, lane, position, params, not_before, leased_until, created_at, updated_at)
        select tenant, e.id, e.conversation, e.type, e.lane, e.version * 1000 + e.ordinal, e.params,
               coalesce(e.not_before, 'epoch'), 'epoch', e.at, e.at
        from jsonb_to_recordset(part -> 'effects') as e (id text, conversation uuid, version bigint, type text, lane text,
          ordinal integer, params jsonb, not_before timestamptz, at timestamptz);
    end if;

    if part ? 'awards' then
      insert into awards (creator_id, contact_id, award_id, conversation_id, kind, points, name, created_at, updated_at)
        select tenant, c.contact_id, a.id, a.conversation, a.kind, a.points, a.name, a.at, a.at
        from jsonb_to_recordset(part -> 'awards') as a (id text, conversation uuid, kind text, points double precision, name text,
          at timestamptz)
        join conversations c on c.creator_id = tenant and c.id = a.conversation
      on conflict do nothing;
    end if;

    known := null;
    outcome := 'committed';
    for turn in select (value ->> 'turn')::integer from jsonb_array_elements(part -> 'turns') loop return next; end loop;
  end loop;
end $$;

-- What endpoints hear of messages is planned once a statement, not once a row, and its plan is kept.
create or replace function tell_webhooks(tenant uuid, what text, told jsonb) returns void
language plpgsql set search_path = pg_catalog, public as $$
begin
  insert into webhook_deliveries (creator_id, webhook_id, event, payload)
    select w.creator_id, w.id, what, told from webhooks w where w.creator_id = tenant and what = any (w.events);
end $$;

drop trigger message_told on messages;
create or replace function tell_message() returns trigger language plpgsql set search_path = pg_catalog, public as $$
begin
  insert into webhook_deliveries (creator_id, webhook_id, event, payload)
    select w.creator_id, w.id, 'message', jsonb_build_object('conversation_id', m.conversation_id, 'id', m.id, 'seq', m.seq,
        'role', m.role, 'class', m.class, 'body', m.body, 'at', m.created_at)
      from webhooks w join added m on m.creator_id = w.creator_id where 'message' = any (w.events);
  return null;
end $$;
create trigger message_told after insert on messages referencing new table as added for each statement execute function tell_message();

revoke all on function commit_turns(jsonb), known_inputs(uuid, jsonb, integer), without_turns(jsonb, integer[]) from public;
grant execute on function commit_turns(jsonb), known_inputs(uuid, jsonb, integer), without_turns(jsonb, integer[]) to companero_app;

-- By connection first. With the creator first this index is as good as the primary key in the eyes of
-- a planner that knows nothing of the table yet, and leads to one conversation through all of its creator's.
drop index conversations_connection;
create index conversations_connection on conversations (connection_id, creator_id);
