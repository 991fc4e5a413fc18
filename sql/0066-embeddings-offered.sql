-- A document whose vectors are of another model, or of another make of the same one, is embedded anew when that is asked for, or always where
-- the server is told so (`renew`). Names of makes carry a digest from now on; vectors without one are made again.
drop function routing.claim_unembedded(timestamptz, interval, text);
create function routing.claim_unembedded(wall timestamptz, hold interval, wanted text, renew boolean)
returns table (creator_id uuid, id uuid, generation integer)
language sql as $$
  update public.documents d set embed_after = wall + hold
    from (select w.creator_id, w.id from public.documents w
          where w.status = 'ready' and w.live is not null and w.embed_after <= wall
            and (w.embedded_by is null or (renew and w.embedded_by <> wanted))
          order by w.embed_after, w.id limit 1 for update skip locked) due
    where d.creator_id = due.creator_id and d.id = due.id
    returning d.creator_id, d.id, d.live
$$;
select route('routing.claim_unembedded(timestamptz, interval, text, boolean)');

-- The owner of the schema sees tenant rows only while row level security is not forced on it.
alter table documents no force row level security;
update documents set embedded_by = null where embedded_by is not null;
alter table documents force row level security;
do $$ begin
  if to_regclass('embeddings') is not null then
    alter table embeddings no force row level security;
    delete from embeddings;
    alter table embeddings force row level security;
  end if;
end $$;
