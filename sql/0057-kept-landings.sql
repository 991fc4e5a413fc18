-- Where a run was after it had gone over to another version: whoever is still there goes back to exactly where they came from.
alter table kept_snapshots add column landed text;

create or replace function keep_snapshot() returns trigger language plpgsql set search_path = pg_catalog, public as $$
begin
  insert into kept_snapshots
      (creator_id, conversation_id, version, program_id, program_version, snapshot, state, landed, created_at, updated_at)
    values (old.creator_id, old.id, old.version, old.program_id, old.program_version, old.snapshot, old.state, new.state,
      new.updated_at, new.updated_at)
    on conflict do nothing;
  return null;
end $$;
