-- A program is a draft and, once published, immutable content-hashed versions; one of them may be live.
create table programs (
  creator_id uuid not null references creators,
  id uuid not null,
  slug text not null,
  draft jsonb not null,
  draft_revision integer not null default 1,
  live_version integer,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (creator_id, id),
  unique (creator_id, slug)
);
select protect('programs');

create table program_versions (
  creator_id uuid not null,
  program_id uuid not null,
  version integer not null,
  hash text not null,
  definition jsonb not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (creator_id, program_id, version),
  foreign key (creator_id, program_id) references programs (creator_id, id) on delete cascade
);
select protect('program_versions');
alter table programs add foreign key (creator_id, id, live_version) references program_versions (creator_id, program_id, version);
