-- What a suspended creator has planned waits: neither timers nor effects are claimed until the suspension ends.
select expose('creators', '{creator_id, suspended_at}');

create or replace function routing.claim_timers(clock timestamptz, wall timestamptz, hold interval, most integer)
returns table (creator_id uuid, conversation_id uuid, timer_id text, generation bigint, due_at timestamptz)
language sql as $$
  update public.timers t set claimed_until = wall + hold
    from (select d.creator_id, d.conversation_id, d.timer_id from public.timers d
          where d.due_at <= clock and d.claimed_until <= wall
            and not exists (select 1 from public.creators c where c.creator_id = d.creator_id and c.suspended_at is not null)
          order by d.due_at limit most for update skip locked) due
    where t.creator_id = due.creator_id and t.conversation_id = due.conversation_id and t.timer_id = due.timer_id
    returning t.creator_id, t.conversation_id, t.timer_id, t.generation, t.due_at
$$;
select route('routing.claim_timers(timestamptz, timestamptz, interval, integer)');

create or replace function routing.claim_effects(wall timestamptz, hold interval, most integer, only_creator uuid, only_conversation uuid)
returns table (creator_id uuid, conversation_id uuid, id text)
language sql as $$
  update public.effects e set leased_until = wall + hold, attempts = e.attempts + 1, updated_at = wall
    from (select d.creator_id, d.id from public.effects d
          where d.status = 'planned' and greatest(d.not_before, d.leased_until) <= wall
            and (only_conversation is null or (d.creator_id = only_creator and d.conversation_id = only_conversation))
            and not exists (select 1 from public.creators c where c.creator_id = d.creator_id and c.suspended_at is not null)
            and not exists (select 1 from public.effects b where b.creator_id = d.creator_id and b.conversation_id = d.conversation_id
                            and b.lane = d.lane and b.status = 'planned' and b.position < d.position)
          order by greatest(d.not_before, d.leased_until) limit most for update skip locked) due
    where e.creator_id = due.creator_id and e.id = due.id and e.status = 'planned'
    returning e.creator_id, e.conversation_id, e.id
$$;
select route('routing.claim_effects(timestamptz, interval, integer, uuid, uuid)');

create or replace function routing.next_timer(wall timestamptz) returns timestamptz
language sql stable as $$
  select min(t.due_at) from public.timers t where t.claimed_until <= wall
    and not exists (select 1 from public.creators c where c.creator_id = t.creator_id and c.suspended_at is not null)
$$;
select route('routing.next_timer(timestamptz)');

create or replace function routing.next_effect() returns timestamptz
language sql stable as $$
  select min(greatest(e.not_before, e.leased_until)) from public.effects e
  where e.status = 'planned'
    and not exists (select 1 from public.creators c where c.creator_id = e.creator_id and c.suspended_at is not null)
    and not exists (select 1 from public.effects b where b.creator_id = e.creator_id and b.conversation_id = e.conversation_id
                    and b.lane = e.lane and b.status = 'planned' and b.position < e.position)
$$;
select route('routing.next_effect()');
