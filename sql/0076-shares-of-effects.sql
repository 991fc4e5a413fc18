-- Claims effects as in 0005-turns.sql, none of the creators that are `rested`: those have their share of the node under way. What is claimed is
-- chosen first, once: a subquery with `limit` in a join may be run again for each row, and claims more than it is asked for.
create function routing.claim_effects(wall timestamptz, hold interval, most integer, rested uuid[])
returns table (creator_id uuid, conversation_id uuid, id text)
language sql as $$
  with due as materialized (
    select d.creator_id, d.id from public.effects d
    where d.status = 'planned' and greatest(d.not_before, d.leased_until) <= wall and d.creator_id <> all (rested)
      and not exists (select 1 from public.effects b where b.creator_id = d.creator_id and b.conversation_id = d.conversation_id
                      and b.lane = d.lane and b.status = 'planned' and b.position < d.position)
    order by greatest(d.not_before, d.leased_until) limit most for update skip locked)
  update public.effects e set leased_until = wall + hold, attempts = e.attempts + 1, updated_at = wall
    from due where e.creator_id = due.creator_id and e.id = due.id and e.status = 'planned'
    returning e.creator_id, e.conversation_id, e.id
$$;
select route('routing.claim_effects(timestamptz, interval, integer, uuid[])');
