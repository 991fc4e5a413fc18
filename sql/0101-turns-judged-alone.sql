-- The commit of turns as in 0100-turns-under-one-lock.sql, with fewer statements of its own, each of which costs as much as a row or two.
-- No two of the turns are of one conversation, and none has a contact that an earlier one changes: who calls sees to that, since it knows
-- them all. So each is judged alone, contacts are locked and changed by their places as conversations are, and cleared timers go in one
-- statement. Given back are the turns that were not committed.
--
-- The function of five parameters stays for the nodes of the version before, which go on until the last of them has been restarted.
-- The place of an input among those of its turn, from 0: they share an instant.
alter table inputs add column ordinal smallint not null default 0;

create function commit_turns(batch jsonb, snapshots text, subjects uuid[], bases bigint[], contact_bases bigint[], instants timestamptz[])
returns table (turn integer, outcome text, known jsonb)
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
  kept text[] := string_to_array(snapshots, E'\x1e');
  -- Where the conversations lie that have been judged, by turn.
  places tid[] := '{}';
  -- Where the contacts lie that change, by turn.
  contact_places tid[] := '{}';
  judged record;
  one record;
  written integer;
begin
  perform set_config('role', 'companero_app', true);
  for part in select value from jsonb_array_elements(batch) loop
    tenant := (part ->> 'creator')::uuid;
    perform set_config('app.current_creator_id', part ->> 'creator', true);

    -- Locked in the order of their ids, in which the turns come, conversations before contacts: two batches never wait for each other in a ring.
    select places || array_agg(t.place order by t.turn), coalesce(array_agg(t.turn) filter (where current is not true), '{}')
      into places, refused
      from (
        select t.turn, c.place, c.version = bases[t.turn]
            and contact_bases[t.turn] = (select p.version from contacts p where p.creator_id = tenant and p.id = c.contact_id) as current
          from jsonb_to_recordset(part -> 'turns') as t (turn integer)
          left join lateral (
            select c.ctid as place, c.version, c.contact_id from conversations c
              where c.creator_id = tenant and c.id = subjects[t.turn] for update) as c on true) as t;
    if part ? 'contacts' then
      for one in
        select n.turn, p.place, p.version from (
            select n.turn, (select c.contact_id from conversations c where c.ctid = places[n.turn]) as id
              from jsonb_to_recordset(part -> 'contacts') as n (turn integer) order by 2) as n
          cross join lateral (select p.ctid as place, p.version from contacts p where p.creator_id = tenant and p.id = n.id for update) as p
      loop
        contact_places[one.turn] := one.place;
        if one.version <> contact_bases[one.turn] and one.turn <> all (refused) then refused := refused || one.turn; end if;
      end loop;
    end if;
    foreach turn in array refused loop
      known := known_inputs(tenant, subjects[turn], part, turn);
      outcome := case when known is null then 'conflict' else 'duplicate' end;
      return next;
    end loop;
    if refused <> '{}' then
      part := without_turns(part, refused);
      continue when not part ? 'turns';
    end if;

    -- The primary key finds the repeated ones. A row of an earlier turn was there before.
    insert into inputs (creator_id, conversation_id, input_id, turn, ordinal, kind, payload, result, trace, created_at, updated_at)
      select tenant, subjects[i.turn], i.id, bases[i.turn] + 1, coalesce(i.ordinal, 0), i.kind, i.payload, i.result, i.trace, instants[i.turn], instants[i.turn]
      from jsonb_to_recordset(part -> 'inputs') as i (turn integer, ordinal smallint, id text, kind text, payload jsonb, result jsonb, trace jsonb)
      on conflict do nothing;
    get diagnostics written = row_count;
    if written < jsonb_array_length(part -> 'inputs') then
      refused := '{}';
      for judged in
        select distinct n.turn
          from jsonb_to_recordset(part -> 'inputs') as n (turn integer, id text)
          join inputs i on i.creator_id = tenant and i.conversation_id = subjects[n.turn] and i.input_id = n.id and i.turn <= bases[n.turn]
      loop
        delete from inputs i
          where i.creator_id = tenant and i.conversation_id = subjects[judged.turn] and i.turn = bases[judged.turn] + 1;
        refused := refused || judged.turn;
        known := known_inputs(tenant, subjects[judged.turn], part, judged.turn);
        turn := judged.turn;
        outcome := 'duplicate';
        return next;
      end loop;
      part := without_turns(part, refused);
      continue when not part ? 'turns';
    end if;

    update conversations c set version = c.version + 1, updated_at = instants[t.turn], seq = t.seq, program_id = t.program_id,
        program_version = t.program_version, snapshot = kept[t.turn], state = t.state, control = t.control, status = t.status,
        outcome = t.outcome
      from jsonb_to_recordset(part -> 'turns') as t (turn integer, seq bigint, program_id uuid, program_version integer,
        state text, control text, status text, outcome text)
      where c.ctid = places[t.turn];

    if part ? 'messages' then
      insert into messages (creator_id, conversation_id, seq, id, role, class, body, created_at, updated_at)
        select tenant, subjects[m.turn], m.seq, m.id, m.role, m.class, m.body, coalesce(m.at, instants[m.turn]), coalesce(m.at, instants[m.turn])
        from jsonb_to_recordset(part -> 'messages') as m (turn integer, seq bigint, id uuid, role text, class text, body jsonb, at timestamptz);
    end if;

    if part ? 'contacts' then
      update contacts p set version = p.version + 1, updated_at = instants[n.turn], name = n.name, zone = n.zone, language = n.language,
          fields = n.fields, consent = n.consent, progress = n.progress, sends = n.sends, tags = array(select jsonb_array_elements_text(n.tags))
        from jsonb_to_recordset(part -> 'contacts') as n (turn integer, name text, zone text, language text, fields jsonb, consent jsonb,
          progress jsonb, sends jsonb, tags jsonb)
        where p.ctid = contact_places[n.turn];
    end if;

    if part ? 'timers_cleared' then
      delete from timers where ctid = any (array(
        select t.place from jsonb_to_recordset(part -> 'timers_cleared') as n (turn integer, id text)
          cross join lateral (select t.ctid as place from timers t
            where t.creator_id = tenant and t.conversation_id = subjects[n.turn] and t.timer_id = n.id for update) as t));
    end if;
    if part ? 'timers_set' then
      insert into timers (creator_id, conversation_id, timer_id, generation, due_at, detail, created_at, updated_at)
        select tenant, subjects[t.turn], t.id, t.generation, t.due_at, t.detail, instants[t.turn], instants[t.turn]
        from jsonb_to_recordset(part -> 'timers_set') as t (turn integer, id text, generation bigint, due_at timestamptz, detail jsonb)
      on conflict (creator_id, conversation_id, timer_id) do update
        set generation = excluded.generation, due_at = excluded.due_at, detail = excluded.detail,
            claimed_until = 'epoch', updated_at = excluded.updated_at;
    end if;

    if part ? 'effects_ended' then
      for one in select * from jsonb_to_recordset(part -> 'effects_ended') as n (turn integer, id text, status text, result jsonb) loop
        update effects e set status = one.status, result = one.result, updated_at = instants[one.turn]
          where e.creator_id = tenant and e.id = one.id and e.status = 'planned';
      end loop;
    end if;
    if part ? 'effects' then
      insert into effects (creator_id, id, conversation_id, type, lane, position, params, not_before, leased_until, created_at, updated_at)
        select tenant, e.id, subjects[e.turn], e.type, e.lane, (bases[e.turn] + 1) * 1000 + e.ordinal, e.params,
               coalesce(e.not_before, 'epoch'), 'epoch', instants[e.turn], instants[e.turn]
        from jsonb_to_recordset(part -> 'effects') as e (turn integer, id text, type text, lane text, ordinal integer, params jsonb,
          not_before timestamptz);
    end if;

    if part ? 'awards' then
      insert into awards (creator_id, contact_id, award_id, conversation_id, kind, points, name, created_at, updated_at)
        select tenant, c.contact_id, a.id, c.id, a.kind, a.points, a.name, instants[a.turn], instants[a.turn]
        from jsonb_to_recordset(part -> 'awards') as a (turn integer, id text, kind text, points double precision, name text)
        join conversations c on c.creator_id = tenant and c.id = subjects[a.turn]
      on conflict do nothing;
    end if;
  end loop;
end $$;

revoke all on function commit_turns(jsonb, text, uuid[], bigint[], bigint[], timestamptz[]) from public;
grant execute on function commit_turns(jsonb, text, uuid[], bigint[], bigint[], timestamptz[]) to companero_app;

-- Hydration as in 0070-herds.sql, but rows are written as text at once, not as jsonb first.
create function hydrate_conversations(creators uuid[], ids uuid[]) returns table (conversation json, contact json)
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
    return query select row_to_json(c), row_to_json(p)
      from unnest(creators, ids) as wanted (creator, id)
      cross join lateral (select c.creator_id, c.id, c.session_id, c.contact_id, c.channel, c.wants_push, c.program_id, c.program_version,
          c.version, c.seq, c.snapshot, c.state, c.status, c.outcome
        from conversations c where c.creator_id = tenant and c.id = wanted.id offset 0) as c
      cross join lateral (select p.id, p.version, p.name, p.zone, p.language, p.fields, p.tags, p.consent, p.progress, p.sends
        from contacts p where p.creator_id = tenant and p.id = c.contact_id offset 0) as p
      where wanted.creator = tenant;
  end loop;
end $$;
revoke all on function hydrate_conversations(uuid[], uuid[]) from public;
grant execute on function hydrate_conversations(uuid[], uuid[]) to companero_app;
