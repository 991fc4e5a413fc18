-- The unprivileged role that every tenant statement runs as, and the one way a table becomes a tenant table.
-- Roles belong to the whole server, so several databases may race to create this one.
do $$ begin
  create role companero_app nologin nosuperuser nobypassrls;
exception when duplicate_object or unique_violation then null;
end $$;
grant companero_app to current_user;

revoke all on schema public from public;
grant usage on schema public to companero_app;

-- Look-ups that cross creators live here, as narrow SECURITY DEFINER functions that return routing columns only.
create schema routing;
revoke all on schema routing from public;
grant usage on schema routing to companero_app;

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
