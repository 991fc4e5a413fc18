-- A document is what a creator uploaded; its file lies in the creator's folder under a random name. The hash makes the same
-- content one document. A job is a claim: `attempts` grows with each and fences off whoever lost it.
create table documents (
  creator_id uuid not null references creators,
  id uuid not null,
  title text not null,
  collection text not null default 'default',
  tags text[] not null default '{}',
  kind text not null check (kind in ('text', 'markdown', 'pdf', 'docx')),
  bytes bigint not null,
  hash text not null,
  file text not null,
  status text not null default 'queued' check (status in ('queued', 'processing', 'ready', 'failed')),
  progress real not null default 0 check (progress between 0 and 1),
  reason jsonb,
  language text,
  attempts integer not null default 0,
  leased_until timestamptz not null default 'epoch',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (creator_id, id),
  unique (creator_id, hash)
);
create index documents_waiting on documents (leased_until) where status in ('queued', 'processing');
select protect('documents');

-- A chunk is a stretch of a document's cleaned text: characters start_at to end_at. length counts its lexemes.
create table chunks (
  creator_id uuid not null,
  document_id uuid not null,
  position integer not null,
  text text not null,
  start_at integer not null,
  end_at integer not null,
  page integer,
  heading text not null default '',
  tokens integer not null,
  length integer not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (creator_id, document_id, position),
  foreign key (creator_id, document_id) references documents (creator_id, id) on delete cascade
);
select protect('chunks');

-- How often a lexeme stands in a chunk: what BM25 ranks by. Document frequencies are counted per creator, so that no creator's
-- words weigh on another's ranking.
create table postings (
  creator_id uuid not null,
  lexeme text not null,
  document_id uuid not null,
  position integer not null,
  frequency integer not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (creator_id, lexeme, document_id, position),
  foreign key (creator_id, document_id, position) references chunks (creator_id, document_id, position) on delete cascade
);
create index postings_chunk on postings (creator_id, document_id, position);
select protect('postings');

-- Vectors where the server has pgvector; elsewhere the lexical ranking serves alone. No approximate index: a scan of one
-- creator's rows is exact, and a shared index filtered by creator loses most of them.
do $$ begin
  if exists (select 1 from pg_available_extensions where name = 'vector') then
    create extension if not exists vector;
    create table embeddings (
      creator_id uuid not null,
      document_id uuid not null,
      position integer not null,
      model text not null,
      dimensions integer not null,
      embedding vector not null,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      primary key (creator_id, document_id, position, model),
      foreign key (creator_id, document_id, position) references chunks (creator_id, document_id, position) on delete cascade,
      check (vector_dims(embedding) = dimensions)
    );
    create index embeddings_model on embeddings (creator_id, model);
    perform protect('embeddings');
  end if;
exception when insufficient_privilege then
  raise notice 'No right to create the extension vector: ranking by words alone';
end $$;

-- Claims documents to read: those that wait, and those whose reader died with its lease.
create function routing.claim_documents(wall timestamptz, hold interval, most integer)
returns table (creator_id uuid, id uuid, attempts integer)
language sql as $$
  update public.documents d set status = 'processing', leased_until = wall + hold, attempts = d.attempts + 1, updated_at = wall
    from (select w.creator_id, w.id from public.documents w
          where w.status in ('queued', 'processing') and w.leased_until <= wall
          order by w.leased_until, w.id limit most for update skip locked) due
    where d.creator_id = due.creator_id and d.id = due.id
    returning d.creator_id, d.id, d.attempts
$$;

select expose('documents', '{creator_id, id, status, leased_until, attempts}', '{status, leased_until, attempts, updated_at}');
select route('routing.claim_documents(timestamptz, interval, integer)');
