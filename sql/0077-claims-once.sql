-- Claims choose what they claim first, and once: a subquery with `limit` in a join may be run again for each row, and then claims more than
-- it is asked for. Otherwise they are as before.

drop function routing.claim_timers(timestamptz, timestamptz, interval, integer, uuid[]);
create function routing.claim_timers(clock timestamptz, wall timestamptz, hold interval, most integer, rested uuid[])
returns table (creator_id uuid, conversation_id uuid, timer_id text, generation bigint, due_at timestamptz)
language sql as $$
  with due as materialized (
    select d.creator_id, d.conversation_id, d.timer_id from public.timers d
    where d.due_at <= clock and d.claimed_until <= wall and d.creator_id <> all (rested)
    order by d.due_at limit most for update skip locked)
  update public.timers t set claimed_until = wall + hold
    from due
    where t.creator_id = due.creator_id and t.conversation_id = due.conversation_id and t.timer_id = due.timer_id
    returning t.creator_id, t.conversation_id, t.timer_id, t.generation, t.due_at
$$;
select route('routing.claim_timers(timestamptz, timestamptz, interval, integer, uuid[])');

drop function routing.claim_documents(timestamptz, interval, integer);
create function routing.claim_documents(wall timestamptz, hold interval, most integer)
returns table (creator_id uuid, id uuid, attempts integer)
language sql as $$
  with due as materialized (
    select w.creator_id, w.id from public.documents w
    where w.status in ('queued', 'processing') and w.leased_until <= wall
    order by w.leased_until, w.id limit most for update skip locked)
  update public.documents d set status = 'processing', leased_until = wall + hold, attempts = d.attempts + 1, updated_at = wall
    from due
    where d.creator_id = due.creator_id and d.id = due.id
    returning d.creator_id, d.id, d.attempts
$$;
select route('routing.claim_documents(timestamptz, interval, integer)');

drop function routing.claim_erasures(timestamptz, interval, integer);
create function routing.claim_erasures(wall timestamptz, hold interval, most integer) returns table (creator_id uuid, id uuid)
language sql as $$
  with due as materialized (
    select w.creator_id, w.id from public.erasures w where w.status = 'queued' and w.leased_until <= wall
    order by w.leased_until, w.id limit most for update skip locked)
  update public.erasures e set leased_until = wall + hold, attempts = e.attempts + 1, updated_at = wall
    from due
    where e.creator_id = due.creator_id and e.id = due.id
    returning e.creator_id, e.id
$$;
select route('routing.claim_erasures(timestamptz, interval, integer)');

drop function routing.claim_retention(timestamptz, interval, integer);
create function routing.claim_retention(wall timestamptz, pause interval, most integer) returns table (creator_id uuid)
language sql as $$
  with due as materialized (
    select d.creator_id from public.retention d where d.swept_at <= wall - pause order by d.swept_at limit most for update skip locked)
  update public.retention r set swept_at = wall, updated_at = wall
    from due
    where r.creator_id = due.creator_id returning r.creator_id
$$;
select route('routing.claim_retention(timestamptz, interval, integer)');

drop function routing.claim_webhooks(timestamptz, interval, integer, integer, uuid[]);
create function routing.claim_webhooks(wall timestamptz, hold interval, each integer, most integer, busy uuid[]) returns table (creator_id uuid, id uuid)
language sql as $$
  with due as materialized (
    select w.creator_id, w.id from public.webhook_deliveries w
    join (select n.creator_id, n.id, row_number() over (partition by n.creator_id order by n.leased_until, n.id) as place
          from public.webhook_deliveries n where n.status = 'planned' and n.leased_until <= wall) ranked
      on ranked.creator_id = w.creator_id and ranked.id = w.id
    where ranked.place <= each and w.creator_id <> all (busy) and w.status = 'planned' and w.leased_until <= wall
    order by w.leased_until limit most for update of w skip locked)
  update public.webhook_deliveries d set leased_until = wall + hold, attempts = d.attempts + 1, updated_at = wall
    from due
    where d.creator_id = due.creator_id and d.id = due.id
    returning d.creator_id, d.id
$$;
select route('routing.claim_webhooks(timestamptz, interval, integer, integer, uuid[])');

drop function routing.claim_broadcasts(timestamptz, timestamptz, interval, integer, integer);
create function routing.claim_broadcasts(clock timestamptz, wall timestamptz, hold interval, each integer, most integer)
returns table (creator_id uuid, broadcast_id uuid, contact_id uuid)
language sql as $$
  with due as materialized (
    select p.creator_id, p.broadcast_id, p.contact_id from public.broadcast_recipients p
    join (select n.creator_id, n.broadcast_id, n.contact_id,
            row_number() over (partition by n.creator_id order by n.due_at, n.contact_id) as place
          from public.broadcast_recipients n where n.status = 'planned' and n.due_at <= clock and n.claimed_until <= wall) ranked
      on ranked.creator_id = p.creator_id and ranked.broadcast_id = p.broadcast_id and ranked.contact_id = p.contact_id
    where ranked.place <= each and p.status = 'planned' and p.claimed_until <= wall
    order by ranked.place, p.due_at limit most for update of p skip locked)
  update public.broadcast_recipients r set claimed_until = wall + hold, attempts = r.attempts + 1, updated_at = wall
    from due
    where r.creator_id = due.creator_id and r.broadcast_id = due.broadcast_id and r.contact_id = due.contact_id
    returning r.creator_id, r.broadcast_id, r.contact_id
$$;
select route('routing.claim_broadcasts(timestamptz, timestamptz, interval, integer, integer)');

drop function routing.claim_unembedded(timestamptz, interval, text, boolean);
create function routing.claim_unembedded(wall timestamptz, hold interval, wanted text, renew boolean)
returns table (creator_id uuid, id uuid, generation integer)
language sql as $$
  with due as materialized (
    select w.creator_id, w.id from public.documents w
    where w.status = 'ready' and w.live is not null and w.embed_after <= wall
      and (w.embedded_by is null or (renew and w.embedded_by <> wanted))
    order by w.embed_after, w.id limit 1 for update skip locked)
  update public.documents d set embed_after = wall + hold
    from due
    where d.creator_id = due.creator_id and d.id = due.id
    returning d.creator_id, d.id, d.live
$$;
select route('routing.claim_unembedded(timestamptz, interval, text, boolean)');
