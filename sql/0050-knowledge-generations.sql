-- A document is read anew beside what answers: every reading writes under its own generation (the attempt that wrote it), and one
-- update makes it live. tried_from is the attempt at which the present try began. embedded_by names the model of the live vectors.
alter table documents
  add column live integer,
  add column tried_from integer not null default 0,
  add column live_chunks integer not null default 0,
  add column live_lexemes bigint not null default 0,
  add column embedded_by text,
  add column embed_after timestamptz not null default 'epoch',
  add column source text,
  add column flags text[] not null default '{}',
  drop constraint documents_kind_check,
  add constraint documents_kind_check check (kind in ('text', 'markdown', 'pdf', 'docx', 'html'));

alter table chunks add column generation integer not null default 0;

-- Postings of one lexeme in one batch of a document's chunks stand in one row: a common word of a book takes a few rows, not
-- hundreds. lengths repeats the lexemes of each chunk, so that ranking reads nothing else.
alter table postings rename to postings_by_chunk;
alter table postings_by_chunk rename constraint postings_pkey to postings_by_chunk_pkey;
create table postings (
  creator_id uuid not null,
  lexeme text not null,
  document_id uuid not null,
  generation integer not null,
  first integer not null,
  positions integer[] not null,
  frequencies integer[] not null,
  lengths integer[] not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (creator_id, lexeme, document_id, generation, first),
  foreign key (creator_id, document_id) references documents (creator_id, id) on delete cascade
);
create index postings_document on postings (creator_id, document_id, generation);

-- The owner of the schema sees tenant rows only while row level security is not forced on it.
alter table postings_by_chunk no force row level security;
alter table documents no force row level security;
alter table chunks no force row level security;
insert into postings (creator_id, lexeme, document_id, generation, first, positions, frequencies, lengths)
  select p.creator_id, p.lexeme, p.document_id, 0, min(p.position), array_agg(p.position order by p.position),
      array_agg(p.frequency order by p.position), array_agg(c.length order by p.position)
    from postings_by_chunk p join chunks c using (creator_id, document_id, position)
    group by p.creator_id, p.lexeme, p.document_id;
update documents d set live = 0, live_chunks = c.chunks, live_lexemes = c.lexemes
  from (select creator_id, document_id, count(*) as chunks, sum(length) as lexemes from chunks group by creator_id, document_id) c
  where c.creator_id = d.creator_id and c.document_id = d.id and d.status = 'ready';
alter table documents force row level security;
alter table chunks force row level security;
drop table postings_by_chunk;
select protect('postings');

do $$ begin
  if to_regclass('embeddings') is not null then
    -- Vectors of hashed letters were no better than words: they go, with their model.
    alter table embeddings no force row level security;
    delete from embeddings where model = 'letters-1-384';
    alter table embeddings force row level security;
    alter table embeddings drop constraint embeddings_pkey, drop constraint embeddings_creator_id_document_id_position_fkey;
    alter table embeddings add column generation integer not null default 0;
    alter table embeddings add primary key (creator_id, document_id, generation, position, model);
  end if;
end $$;
alter table chunks drop constraint chunks_pkey;
alter table chunks add primary key (creator_id, document_id, generation, position);
do $$ begin
  if to_regclass('embeddings') is not null then
    alter table embeddings add foreign key (creator_id, document_id, generation, position)
      references chunks (creator_id, document_id, generation, position) on delete cascade;
  end if;
end $$;

-- Grows with whatever changes what a creator's questions find: part of the key of every kept answer.
create table knowledge_versions (
  creator_id uuid primary key references creators on delete cascade,
  version bigint not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
select protect('knowledge_versions');
create function bump_knowledge_version() returns trigger language plpgsql set search_path = pg_catalog, public as $$
declare
  tenant uuid := coalesce(new.creator_id, old.creator_id);
begin
  -- A workspace that is being deleted needs no version.
  if exists (select 1 from creators where creator_id = tenant) then
    insert into knowledge_versions (creator_id) values (tenant)
      on conflict (creator_id) do update set version = knowledge_versions.version + 1, updated_at = now();
  end if;
  return null;
end $$;
revoke all on function bump_knowledge_version() from public;
create trigger documents_version after update of live, title, collection or delete on documents
  for each row execute function bump_knowledge_version();

-- Where readings of a collection differ from the default; a change takes effect with the next reading.
create table collections (
  creator_id uuid not null references creators on delete cascade,
  name text not null,
  chunk_tokens integer not null check (chunk_tokens between 100 and 2000),
  chunk_overlap integer not null check (chunk_overlap between 0 and 1000 and chunk_overlap * 2 <= chunk_tokens),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (creator_id, name)
);
select protect('collections');

-- Documents that answer but whose vectors are those of another model, or none: due to be embedded while the model is there.
create function routing.claim_unembedded(wall timestamptz, hold interval, wanted text)
returns table (creator_id uuid, id uuid, generation integer)
language sql as $$
  update public.documents d set embed_after = wall + hold
    from (select w.creator_id, w.id from public.documents w
          where w.status = 'ready' and w.live is not null and w.embedded_by is distinct from wanted and w.embed_after <= wall
          order by w.embed_after, w.id limit 1 for update skip locked) due
    where d.creator_id = due.creator_id and d.id = due.id
    returning d.creator_id, d.id, d.live
$$;
create index documents_unembedded on documents (embed_after) where status = 'ready' and live is not null;
grant select (live, embedded_by, embed_after), update (embed_after) on documents to companero_router;
select route('routing.claim_unembedded(timestamptz, interval, text)');
