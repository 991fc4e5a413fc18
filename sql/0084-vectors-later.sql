-- Vectors where pgvector has come to the server, or the right to it, after the first start: asked for at every start. Whether there are any now.
create function make_embeddings() returns boolean
language plpgsql set search_path = pg_catalog, public as $$
begin
  -- One node makes them, the others wait.
  perform pg_advisory_xact_lock(7204118332);
  if to_regclass('embeddings') is not null then return true; end if;
  if not exists (select 1 from pg_available_extensions where name = 'vector') then return false; end if;
  create extension if not exists vector schema public;
  create table public.embeddings (
    creator_id uuid not null,
    document_id uuid not null,
    generation integer not null,
    position integer not null,
    model text not null,
    dimensions integer not null,
    embedding vector not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (creator_id, document_id, generation, position, model),
    foreign key (creator_id, document_id, generation, position)
      references chunks (creator_id, document_id, generation, position) on delete cascade,
    check (vector_dims(embedding) = dimensions)
  );
  create index embeddings_model on embeddings (creator_id, model);
  perform protect('embeddings');
  return true;
exception when insufficient_privilege then
  return false;
end $$;
revoke execute on function make_embeddings() from public;

-- Elided articles are no part of a word any more: what is in French or Italian is read again, and answers as it was read meanwhile.
alter table documents no force row level security;
update documents set status = 'queued', progress = 0, reason = null, tried_from = attempts, leased_until = 'epoch', updated_at = now()
  where status = 'ready' and language in ('fr', 'it');
alter table documents force row level security;
