-- A medium is a file somebody sent in a conversation, or the creator's own where it names none. Its bytes lie in the creator's
-- folder under its id; whoever deletes the row removes them.
create table media (
  creator_id uuid not null references creators,
  id uuid not null,
  conversation_id uuid,
  kind text not null check (kind in ('image', 'audio', 'video', 'file')),
  type text not null,
  name text not null,
  bytes bigint not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (creator_id, id),
  foreign key (creator_id, conversation_id) references conversations (creator_id, id) on delete cascade
);
create index media_conversation on media (creator_id, conversation_id);
select protect('media');
