-- What the creator wants a model to be told, by version. Version 0 is built in and has no row. At most one is active.
create table prompts (
  creator_id uuid not null references creators on delete cascade,
  version integer not null check (version > 0),
  template text not null,
  active boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (creator_id, version)
);
create unique index prompts_active on prompts (creator_id) where active;
select protect('prompts');

-- Which models a creator has chosen; null takes the installation's.
create table model_choices (
  creator_id uuid primary key references creators on delete cascade,
  answers text,
  rerank boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
select protect('model_choices');

-- Every answer as it was given: what it was made from, by which model and prompt. It goes with its conversation.
create table answer_records (
  creator_id uuid not null references creators on delete cascade,
  id uuid not null,
  conversation_id uuid,
  question text not null,
  answer text not null,
  grounded boolean not null,
  degraded boolean not null,
  cached boolean not null,
  model text not null,
  prompt_version text not null,
  passages jsonb not null,
  duration_ms integer not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (creator_id, id),
  foreign key (creator_id, conversation_id) references conversations (creator_id, id) on delete cascade
);
create index answer_records_conversation on answer_records (creator_id, conversation_id);
create index answer_records_unanswered on answer_records (creator_id, id) where not grounded;
select protect('answer_records');
