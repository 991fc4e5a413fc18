-- Every creator, for commands of the operator that work on all of them one by one.
create function routing.creators() returns table (creator_id uuid)
language sql stable as $$
  select c.creator_id from public.creators c order by c.creator_id
$$;
select route('routing.creators()');
