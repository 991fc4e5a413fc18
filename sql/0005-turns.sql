-- The commit of turns, the hydration of conversations, and the claims of the pumps.

-- Group commit: every turn that waits at this moment in one call. The creator's context is set row by row, so row level
-- security judges each turn on its own. Per turn: all or nothing, and one outcome:
--   committed                  everything was written
--   duplicate                  at least one input id was there already; known maps those ids to their first results; nothing written
--   conflict                   the conversation or its contact moved on (or is gone); nothing written
-- Turns must be sorted by conversation id, so that two batches lock in the same order.
create function commit_turns(batch jsonb) returns table (outcome text, known jsonb)
language plpgsql set search_path = pg_catalog, public as $$
declare
  given jsonb;
  tenant uuid;
  conversation uuid;
  person uuid;
  at timestamptz;
  current_version bigint;
begin
  perform set_config('role', 'companero_app', true);
  for given in select value from jsonb_array_elements(batch) loop
    known := null;
    tenant := (given ->> 'creator')::uuid;
    conversation := (given ->> 'conversation')::uuid;
    at := (given ->> 'at')::timestamptz;
    perform set_config('app.current_creator_id', given ->> 'creator', true);

    select c.version, c.contact_id into current_version, person from conversations c
      where c.creator_id = tenant and c.id = conversation for update;
    if not found then outcome := 'conflict'; return next; continue; end if;

    select jsonb_object_agg(i.input_id, i.result) into known from inputs i
      where i.creator_id = tenant and i.conversation_id = conversation
        and i.input_id = any (array(select value ->> 'id' from jsonb_array_elements(given -> 'inputs')));
    if known is not null then outcome := 'duplicate'; return next; continue; end if;

    if current_version <> (given ->> 'expected')::bigint then outcome := 'conflict'; return next; continue; end if;

    if given ? 'contact' then
      update contacts c set version = c.version + 1, updated_at = at,
          name = given -> 'contact' ->> 'name', zone = given -> 'contact' ->> 'zone', language = given -> 'contact' ->> 'language',
          fields = given -> 'contact' -> 'fields', consent = given -> 'contact' -> 'consent', progress = given -> 'contact' -> 'progress',
          sends = given -> 'contact' -> 'sends',
          tags = array(select jsonb_array_elements_text(given -> 'contact' -> 'tags'))
        where c.creator_id = tenant and c.id = person and c.version = (given ->> 'contact_expected')::bigint;
    else
      perform 1 from contacts c where c.creator_id = tenant and c.id = person and c.version = (given ->> 'contact_expected')::bigint;
    end if;
    if not found then outcome := 'conflict'; return next; continue; end if;

    update conversations c set version = c.version + 1, updated_at = at, seq = (given ->> 'seq')::bigint,
        program_id = (given ->> 'program_id')::uuid, program_version = (given ->> 'program_version')::integer,
        snapshot = given ->> 'snapshot', state = given ->> 'state', control = given ->> 'control',
        status = given ->> 'status', outcome = given ->> 'outcome'
      where c.creator_id = tenant and c.id = conversation;

    insert into inputs (creator_id, conversation_id, input_id, turn, kind, payload, result, trace, created_at, updated_at)
      select tenant, conversation, i.id, current_version + 1, i.kind, i.payload, i.result, i.trace, at, at
      from jsonb_to_recordset(given -> 'inputs') as i (id text, kind text, payload jsonb, result jsonb, trace jsonb);

    if given ? 'messages' then
      insert into messages (creator_id, conversation_id, seq, id, role, class, body, created_at, updated_at)
        select tenant, conversation, m.seq, m.id, m.role, m.class, m.body, m.at, m.at
        from jsonb_to_recordset(given -> 'messages') as m (seq bigint, id uuid, role text, class text, body jsonb, at timestamptz);
    end if;

    if given ? 'timers_cleared' then
      delete from timers t where t.creator_id = tenant and t.conversation_id = conversation
        and t.timer_id in (select jsonb_array_elements_text(given -> 'timers_cleared'));
    end if;
    if given ? 'timers_set' then
      insert into timers (creator_id, conversation_id, timer_id, generation, due_at, detail, created_at, updated_at)
        select tenant, conversation, t.id, t.generation, t.due_at, t.detail, at, at
        from jsonb_to_recordset(given -> 'timers_set') as t (id text, generation bigint, due_at timestamptz, detail jsonb)
      on conflict (creator_id, conversation_id, timer_id) do update
        set generation = excluded.generation, due_at = excluded.due_at, detail = excluded.detail,
            claimed_until = 'epoch', updated_at = excluded.updated_at;
    end if;

    if given ? 'effects_ended' then
      update effects e set status = n.status, result = n.result, updated_at = at
        from jsonb_to_recordset(given -> 'effects_ended') as n (id text, status text, result jsonb)
        where e.creator_id = tenant and e.id = n.id and e.status = 'planned';
    end if;
    if given ? 'effects' then
      insert into effects (creator_id, id, conversation_id, type, lane, position, params, not_before, leased_until, created_at, updated_at)
        select tenant, e.id, conversation, e.type, e.lane, (current_version + 1) * 1000 + e.ordinal, e.params,
               coalesce(e.not_before, 'epoch'), 'epoch', at, at
        from jsonb_to_recordset(given -> 'effects') as e (id text, type text, lane text, ordinal integer, params jsonb, not_before timestamptz);
    end if;

    if given ? 'awards' then
      insert into awards (creator_id, contact_id, award_id, conversation_id, kind, points, name, created_at, updated_at)
        select tenant, person, a.id, conversation, a.kind, a.points, a.name, at, at
        from jsonb_to_recordset(given -> 'awards') as a (id text, kind text, points double precision, name text)
      on conflict do nothing;
    end if;

    outcome := 'committed';
    return next;
  end loop;
end $$;

-- Hydration from cold, many at a time: the conversation and its contact, each under its own creator. Missing ones give no row.
create function load_conversations(creators uuid[], ids uuid[]) returns table (conversation jsonb, contact jsonb)
language plpgsql set search_path = pg_catalog, public as $$
begin
  perform set_config('role', 'companero_app', true);
  for position in 1 .. coalesce(array_length(ids, 1), 0) loop
    perform set_config('app.current_creator_id', creators[position]::text, true);
    return query select to_jsonb(c), to_jsonb(p) from conversations c
      join contacts p on p.creator_id = c.creator_id and p.id = c.contact_id
      where c.creator_id = creators[position] and c.id = ids[position];
  end loop;
end $$;

-- Claims timers that are due by the conversation clock, for a while of wall time. A claim only saves work: the commit decides.
create function routing.claim_timers(clock timestamptz, wall timestamptz, hold interval, most integer)
returns table (creator_id uuid, conversation_id uuid, timer_id text, generation bigint, due_at timestamptz)
language sql as $$
  update public.timers t set claimed_until = wall + hold
    from (select d.creator_id, d.conversation_id, d.timer_id from public.timers d
          where d.due_at <= clock and d.claimed_until <= wall
          order by d.due_at limit most for update skip locked) due
    where t.creator_id = due.creator_id and t.conversation_id = due.conversation_id and t.timer_id = due.timer_id
    returning t.creator_id, t.conversation_id, t.timer_id, t.generation, t.due_at
$$;

-- When the next timer falls due that nobody holds: how long the pump may sleep.
create function routing.next_timer(wall timestamptz) returns timestamptz
language sql stable as $$
  select min(t.due_at) from public.timers t where t.claimed_until <= wall
$$;

-- Claims effects to run: planned, due, not leased, and first in the lane of their conversation. only_conversation narrows the
-- claim to what one turn has just planned.
create function routing.claim_effects(wall timestamptz, hold interval, most integer, only_creator uuid, only_conversation uuid)
returns table (creator_id uuid, conversation_id uuid, id text)
language sql as $$
  update public.effects e set leased_until = wall + hold, attempts = e.attempts + 1, updated_at = wall
    from (select d.creator_id, d.id from public.effects d
          where d.status = 'planned' and greatest(d.not_before, d.leased_until) <= wall
            and (only_conversation is null or (d.creator_id = only_creator and d.conversation_id = only_conversation))
            and not exists (select 1 from public.effects b where b.creator_id = d.creator_id and b.conversation_id = d.conversation_id
                            and b.lane = d.lane and b.status = 'planned' and b.position < d.position)
          order by greatest(d.not_before, d.leased_until) limit most for update skip locked) due
    where e.creator_id = due.creator_id and e.id = due.id and e.status = 'planned'
    returning e.creator_id, e.conversation_id, e.id
$$;

-- When the next effect may be claimed. One that waits behind another of its lane does not count: the end of the other wakes the pump.
create function routing.next_effect() returns timestamptz
language sql stable as $$
  select min(greatest(e.not_before, e.leased_until)) from public.effects e
  where e.status = 'planned'
    and not exists (select 1 from public.effects b where b.creator_id = e.creator_id and b.conversation_id = e.conversation_id
                    and b.lane = e.lane and b.status = 'planned' and b.position < e.position)
$$;

select expose('timers', '{creator_id, conversation_id, timer_id, generation, due_at, claimed_until}', '{claimed_until}');
select expose('effects', '{creator_id, id, conversation_id, lane, position, status, attempts, not_before, leased_until}',
  '{attempts, leased_until, updated_at}');
select route('routing.claim_timers(timestamptz, timestamptz, interval, integer)');
select route('routing.next_timer(timestamptz)');
select route('routing.claim_effects(timestamptz, interval, integer, uuid, uuid)');
select route('routing.next_effect()');

revoke all on function commit_turns(jsonb), load_conversations(uuid[], uuid[]) from public;
grant execute on function commit_turns(jsonb), load_conversations(uuid[], uuid[]) to companero_app;
