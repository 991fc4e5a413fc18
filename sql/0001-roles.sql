-- The unprivileged role that every tenant statement runs as, and the one way a table becomes a tenant table.
-- Roles belong to the whole server, so several databases may race to create this one.
do $$ begin
  create role companero_app nologin nosuperuser nobypassrls;
exception when duplicate_object or unique_violation then null;
end $$;
grant companero_app to current_user;

-- The role that routing functions run as. Nobody signs in as it; it sees no column of a tenant table but those exposed to it.
-- So nothing depends on the owner of the schema being a superuser, and FORCE holds for everyone.
do $$ begin
  create role companero_router nologin nosuperuser nobypassrls;
exception when duplicate_object or unique_violation then null;
end $$;
grant companero_router to current_user;

revoke all on schema public from public;
grant usage on schema public to companero_app, companero_router;

-- Look-ups that cross creators live here, as narrow SECURITY DEFINER functions that return routing columns only.
create schema routing;
revoke all on schema routing from public;
grant usage on schema routing to companero_app;
grant usage, create on schema routing to companero_router;

-- Puts a table under row level security: a row is visible and writable only for the creator named in the
-- transaction. After a transaction the setting reads as '', not null, hence nullif.
create function public.protect(tenant_table regclass) returns void language plpgsql set search_path = pg_catalog, public as $$
begin
  execute format('alter table %s enable row level security', tenant_table);
  execute format('alter table %s force row level security', tenant_table);
  execute format('create policy tenant on %s using (creator_id = (select nullif(current_setting(''app.current_creator_id'', true), '''')::uuid))
    with check (creator_id = (select nullif(current_setting(''app.current_creator_id'', true), '''')::uuid))', tenant_table);
  execute format('grant select, insert, update, delete on %s to companero_app', tenant_table);
end $$;
revoke all on function public.protect(regclass) from public;

-- Lets routing functions read some columns of a tenant table, of all creators, and write some. A policy holds for members of its
-- role too, and the owner is one: hence the condition.
create function public.expose(tenant_table regclass, readable text[], writable text[] default '{}') returns void
language plpgsql set search_path = pg_catalog, public as $$
begin
  execute format('create policy routing on %s to companero_router using (current_user = ''companero_router'')', tenant_table);
  execute format('grant select (%s) on %s to companero_router', (select string_agg(quote_ident(c), ', ') from unnest(readable) c), tenant_table);
  if cardinality(writable) > 0 then
    execute format('grant update (%s) on %s to companero_router', (select string_agg(quote_ident(c), ', ') from unnest(writable) c), tenant_table);
  end if;
end $$;
revoke all on function public.expose(regclass, text[], text[]) from public;

-- Makes a function of schema routing a look-up that the application may call.
create function public.route(look_up regprocedure) returns void language plpgsql set search_path = pg_catalog, public as $$
begin
  execute format('alter function %s security definer set search_path = pg_catalog, public', look_up);
  execute format('revoke all on function %s from public', look_up);
  execute format('grant execute on function %s to companero_app', look_up);
  execute format('alter function %s owner to companero_router', look_up);
end $$;
revoke all on function public.route(regprocedure) from public;
