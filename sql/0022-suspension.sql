-- What a suspended creator has planned waits until the suspension ends. A matter of what routing functions see, so that no claim, whoever
-- writes it, can forget it. To be called after expose() for every table that is claimed from.
select expose('creators', '{creator_id, suspended_at}');

create function public.rest_while_suspended(tenant_table regclass) returns void language plpgsql set search_path = pg_catalog, public as $$
begin
  execute format('alter policy routing on %s using (current_user = ''companero_router''
    and creator_id <> all (array(select c.creator_id from public.creators c where c.suspended_at is not null)))', tenant_table);
end $$;
revoke all on function public.rest_while_suspended(regclass) from public;

select rest_while_suspended('timers');
select rest_while_suspended('effects');
select rest_while_suspended('documents');
-- Who writes to a suspended creator's connection meets nobody there.
select rest_while_suspended('connections');
