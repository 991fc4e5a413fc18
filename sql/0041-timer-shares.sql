-- Timers are claimed by those longest due, but not of creators that have just had their share: one creator's herd of a morning
-- does not keep everybody else's reminders waiting behind it.
drop function routing.claim_timers(timestamptz, timestamptz, interval, integer);
create function routing.claim_timers(clock timestamptz, wall timestamptz, hold interval, most integer, rested uuid[])
returns table (creator_id uuid, conversation_id uuid, timer_id text, generation bigint, due_at timestamptz)
language sql as $$
  update public.timers t set claimed_until = wall + hold
    from (select d.creator_id, d.conversation_id, d.timer_id from public.timers d
          where d.due_at <= clock and d.claimed_until <= wall and d.creator_id <> all (rested)
          order by d.due_at limit most for update skip locked) due
    where t.creator_id = due.creator_id and t.conversation_id = due.conversation_id and t.timer_id = due.timer_id
    returning t.creator_id, t.conversation_id, t.timer_id, t.generation, t.due_at
$$;
select route('routing.claim_timers(timestamptz, timestamptz, interval, integer, uuid[])');
