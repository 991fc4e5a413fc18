-- Who follows one version of a program and is to go over to another: done lazily, with the next turn of each conversation.
create table program_migrations (
  creator_id uuid not null,
  program_id uuid not null,
  from_version integer not null,
  to_version integer not null,
  policy text not null check (policy in ('next-quiet-state', 'move')),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (creator_id, program_id, from_version),
  foreign key (creator_id, program_id, from_version) references program_versions (creator_id, program_id, version) on delete cascade,
  foreign key (creator_id, program_id, to_version) references program_versions (creator_id, program_id, version) on delete cascade
);
create index program_migrations_to on program_migrations (creator_id, program_id, to_version);
select protect('program_migrations');

-- The snapshot of a conversation as it was before its run went over to another version, kept by the same transaction.
create table kept_snapshots (
  creator_id uuid not null,
  conversation_id uuid not null,
  version bigint not null,
  program_id uuid not null,
  program_version integer not null,
  snapshot text,
  state text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (creator_id, conversation_id, version),
  foreign key (creator_id, conversation_id) references conversations (creator_id, id) on delete cascade
);
select protect('kept_snapshots');

create function keep_snapshot() returns trigger language plpgsql set search_path = pg_catalog, public as $$
begin
  insert into kept_snapshots (creator_id, conversation_id, version, program_id, program_version, snapshot, state, created_at, updated_at)
    values (old.creator_id, old.id, old.version, old.program_id, old.program_version, old.snapshot, old.state, new.updated_at, new.updated_at)
    on conflict do nothing;
  return null;
end $$;
revoke all on function keep_snapshot() from public;
create trigger keep_snapshot after update on conversations for each row
  when (old.status = 'active' and old.program_id = new.program_id and old.program_version <> new.program_version)
  execute function keep_snapshot();
