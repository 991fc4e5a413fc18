-- A contact is an end user; identities say how a channel knows them.
create table contacts (
  creator_id uuid not null references creators,
  id uuid not null,
  version bigint not null default 0,
  name text not null default '',
  zone text,
  language text,
  fields jsonb not null default '{}',
  tags text[] not null default '{}',
  consent jsonb not null default '{}',
  progress jsonb not null default '{}',
  -- recent proactive sends, {class, at}: what the caps of the send governor count, across all programs
  sends jsonb not null default '[]',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (creator_id, id)
);
select protect('contacts');

create table identities (
  creator_id uuid not null,
  channel text not null,
  external_id text not null,
  contact_id uuid not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (creator_id, channel, external_id),
  foreign key (creator_id, contact_id) references contacts (creator_id, id) on delete cascade
);
create index identities_contact on identities (creator_id, contact_id);
select protect('identities');

-- A conversation is the actor of one (creator, session): a snapshot row whose version only grows.
-- The snapshot is text: it is written and read whole, never queried.
create table conversations (
  creator_id uuid not null,
  id uuid not null,
  session_id uuid not null,
  contact_id uuid not null,
  channel text not null,
  program_id uuid,
  program_version integer,
  version bigint not null default 0,
  seq bigint not null default 0,
  snapshot text,
  state text,
  control text not null default 'bot' check (control in ('bot', 'human', 'paused')),
  status text not null default 'open' check (status in ('open', 'active', 'ended', 'set-aside')),
  outcome text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (creator_id, id),
  unique (creator_id, session_id),
  foreign key (creator_id, contact_id) references contacts (creator_id, id) on delete cascade,
  foreign key (creator_id, program_id, program_version) references program_versions (creator_id, program_id, version)
);
create index conversations_contact on conversations (creator_id, contact_id);
create index conversations_recent on conversations (creator_id, updated_at, id);
create index conversations_program on conversations (creator_id, program_id, program_version);
select protect('conversations');

-- One thing that happened to a conversation. The primary key is what makes a repeated input change nothing.
-- result is the first answer (for a message: its seq); trace says why: state before and after, governor decisions.
create table inputs (
  creator_id uuid not null,
  conversation_id uuid not null,
  input_id text not null,
  turn bigint not null,
  kind text not null,
  payload jsonb not null,
  result jsonb not null,
  trace jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (creator_id, conversation_id, input_id),
  foreign key (creator_id, conversation_id) references conversations (creator_id, id) on delete cascade
);
create index inputs_turn on inputs (creator_id, conversation_id, turn);
select protect('inputs');

-- One bubble, inbound or outbound. body carries text, buttons, media, citations, reply: what a channel renders.
create table messages (
  creator_id uuid not null,
  conversation_id uuid not null,
  seq bigint not null,
  id uuid not null,
  role text not null check (role in ('contact', 'coach', 'person')),
  class text not null,
  body jsonb not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (creator_id, conversation_id, seq),
  foreign key (creator_id, conversation_id) references conversations (creator_id, id) on delete cascade
);
select protect('messages');

-- A timer says when which event falls due. The generation is the turn that armed it: a fired generation that is
-- no longer armed does nothing. Only the commit that consumes a timer removes it.
create table timers (
  creator_id uuid not null,
  conversation_id uuid not null,
  timer_id text not null,
  generation bigint not null,
  due_at timestamptz not null,
  claimed_until timestamptz not null default 'epoch',
  detail jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (creator_id, conversation_id, timer_id),
  foreign key (creator_id, conversation_id) references conversations (creator_id, id) on delete cascade
);
create index timers_due on timers (due_at);
select protect('timers');

-- What a turn asks the world to do: a row until it has ended. id = hash(conversation, input, ordinal, type), so the same
-- turn plans the same effect however often it is tried.
create table effects (
  creator_id uuid not null,
  id text not null,
  conversation_id uuid not null,
  type text not null,
  lane text not null,
  position bigint not null,
  params jsonb not null,
  status text not null default 'planned' check (status in ('planned', 'done', 'failed', 'cancelled', 'uncertain')),
  attempts integer not null default 0,
  not_before timestamptz not null default 'epoch',
  leased_until timestamptz not null default 'epoch',
  result jsonb,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (creator_id, id),
  foreign key (creator_id, conversation_id) references conversations (creator_id, id) on delete cascade
);
create index effects_lane on effects (creator_id, conversation_id, lane, position) where status = 'planned';
create index effects_conversation on effects (creator_id, conversation_id);
create index effects_waiting on effects (greatest(not_before, leased_until)) where status = 'planned';
select protect('effects');

-- Points and badges, one row each, tied to the input that earned them so that none is paid twice.
create table awards (
  creator_id uuid not null,
  contact_id uuid not null,
  award_id text not null,
  conversation_id uuid not null,
  kind text not null check (kind in ('points', 'badge')),
  points double precision not null default 0,
  name text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (creator_id, contact_id, award_id),
  foreign key (creator_id, contact_id) references contacts (creator_id, id) on delete cascade,
  foreign key (creator_id, conversation_id) references conversations (creator_id, id) on delete cascade
);
create index awards_conversation on awards (creator_id, conversation_id);
select protect('awards');
