-- What a turn writes beside its conversation, it writes while it holds the conversation's row locked. A foreign key proves the same
-- thing again, row by row: measured, a fifth of what the database does for a turn (docs/decisions/0009-children-of-a-turn.md). So inputs,
-- messages, timers and effects go with their conversation by a trigger, and are added only by those who hold its row.
alter table inputs drop constraint inputs_creator_id_conversation_id_fkey;
alter table messages drop constraint messages_creator_id_conversation_id_fkey;
alter table timers drop constraint timers_creator_id_conversation_id_fkey;
alter table effects drop constraint effects_creator_id_conversation_id_fkey;

create function forget_turns() returns trigger language plpgsql set search_path = pg_catalog, public as $$
begin
  delete from inputs where creator_id = old.creator_id and conversation_id = old.id;
  delete from messages where creator_id = old.creator_id and conversation_id = old.id;
  delete from timers where creator_id = old.creator_id and conversation_id = old.id;
  delete from effects where creator_id = old.creator_id and conversation_id = old.id;
  return null;
end $$;
revoke all on function forget_turns() from public;
create trigger turns_go_too after delete on conversations for each row execute function forget_turns();

-- The commit of turns as in 0075-lean-turn-batches.sql, but for two things. The judgement keeps where each row lies (`places`), which the
-- lock holds still, so that the update looks nothing up. And the snapshots come as one text, parted by the record separator (U+001E),
-- which JSON text never contains: inside `batch` each of their quotes would be escaped and read letter by letter.
--
-- The turns of one creator come one after another. The function of four parameters stays for the nodes of the version before, which go
-- on until the last of them has been restarted.

create function commit_turns(batch jsonb, snapshots text, subjects uuid[], bases bigint[], instants timestamptz[]) returns table (turn integer, outcome text, known jsonb)
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
  judged record;
  one record;
  written integer;
begin
  perform set_config('role', 'companero_app', true);
  for part in select value from jsonb_array_elements(batch) loop
    tenant := (part ->> 'creator')::uuid;
    perform set_config('app.current_creator_id', part ->> 'creator', true);

    -- Locked in the order of their ids, conversations before contacts, so that two batches never wait for each other in a ring.
    if part ? 'contacts' then
      perform from (select subjects[t.turn] as id from jsonb_to_recordset(part -> 'turns') as t (turn integer) order by 1) as t
        cross join lateral (select from conversations c where c.creator_id = tenant and c.id = t.id for update) as locked;
      perform from (
          select (select c.contact_id from conversations c where c.creator_id = tenant and c.id = subjects[n.turn]) as id
            from jsonb_to_recordset(part -> 'contacts') as n (turn integer) order by 1) as n
        cross join lateral (select from contacts p where p.creator_id = tenant and p.id = n.id for update) as locked;
    end if;

    select places || array_agg(t.place order by t.turn), coalesce(array_agg(t.turn order by t.turn) filter (where current is not true), '{}')
      into places, refused
      from (
        select t.turn, c.place,
            c.version = bases[t.turn]
              and t.contact_expected = (select p.version from contacts p where p.creator_id = tenant and p.id = c.contact_id)
              and row_number() over (partition by t.id order by t.turn) = 1
              -- Of two turns that change one contact the first goes on, the other sees the change on its next try.
              and bool_or(t.contact_changes) over (partition by c.contact_id order by t.turn
                rows between unbounded preceding and 1 preceding) is not true as current
          from (
            select t.turn, subjects[t.turn] as id, t.contact_expected, t.contact_changes
              from jsonb_to_recordset(part -> 'turns') as t (turn integer, contact_expected bigint, contact_changes boolean)
              order by 2) as t
          left join lateral (
            select c.ctid as place, c.version, c.contact_id from conversations c
              where c.creator_id = tenant and c.id = t.id for update) as c on true) as t;
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
    insert into inputs (creator_id, conversation_id, input_id, turn, kind, payload, result, trace, created_at, updated_at)
      select tenant, subjects[i.turn], i.id, bases[i.turn] + 1, i.kind, i.payload, i.result, i.trace, instants[i.turn], instants[i.turn]
      from jsonb_to_recordset(part -> 'inputs') as i (turn integer, id text, kind text, payload jsonb, result jsonb, trace jsonb)
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
      for one in select * from jsonb_to_recordset(part -> 'contacts') as n (turn integer, name text, zone text,
          language text, fields jsonb, consent jsonb, progress jsonb, sends jsonb, tags jsonb)
      loop
        update contacts p set version = p.version + 1, updated_at = instants[one.turn], name = one.name, zone = one.zone, language = one.language,
            fields = one.fields, consent = one.consent, progress = one.progress, sends = one.sends,
            tags = array(select jsonb_array_elements_text(one.tags))
          where p.creator_id = tenant
            and p.id = (select c.contact_id from conversations c where c.creator_id = tenant and c.id = subjects[one.turn]);
      end loop;
    end if;

    if part ? 'timers_cleared' then
      for one in select * from jsonb_to_recordset(part -> 'timers_cleared') as n (turn integer, id text) loop
        delete from timers t where t.creator_id = tenant and t.conversation_id = subjects[one.turn] and t.timer_id = one.id;
      end loop;
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

    known := null;
    outcome := 'committed';
    for turn in select (value ->> 'turn')::integer from jsonb_array_elements(part -> 'turns') loop return next; end loop;
  end loop;
end $$;

revoke all on function commit_turns(jsonb, text, uuid[], bigint[], timestamptz[]) from public;
grant execute on function commit_turns(jsonb, text, uuid[], bigint[], timestamptz[]) to companero_app;
