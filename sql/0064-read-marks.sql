-- How far the contact of a conversation has read, as the widget told. A row of its own, so that reading never meets a turn.
create table read_marks (
  creator_id uuid not null,
  conversation_id uuid not null,
  seq bigint not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (creator_id, conversation_id),
  foreign key (creator_id, conversation_id) references conversations (creator_id, id) on delete cascade
);
select protect('read_marks');
