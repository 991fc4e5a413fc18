-- The proof of a consent: where it was given, what was asked in whose name and what was answered, or what a member says of it.
alter table consent_records add column proof jsonb not null default '{}';

-- A turn names in the trace of its input what it changed of the contact's consent; the words on either side are copied, for the proof
-- outlives the text of messages. The input was written a moment before, in the same transaction and for the same instant.
create function prove_consent() returns trigger language plpgsql set search_path = pg_catalog, public as $$
begin
  select jsonb_strip_nulls(jsonb_build_object(
      'how', 'conversation',
      'conversation_id', c.id,
      'channel', c.channel,
      'business', (select k.name from creators k where k.creator_id = new.creator_id),
      'asked', (select m.body ->> 'text' from messages m
                where m.creator_id = new.creator_id and m.conversation_id = c.id and m.role <> 'contact'
                  and m.seq < (i.result ->> 'seq')::bigint order by m.seq desc limit 1),
      'answered', coalesce(i.payload ->> 'text',
                           (select b ->> 'title' from messages m, jsonb_array_elements(m.body -> 'buttons') b
                            where m.creator_id = new.creator_id and m.conversation_id = c.id
                              and m.seq = (i.payload ->> 'messageSeq')::bigint and b ->> 'id' = i.payload ->> 'button' limit 1),
                           i.payload ->> 'button')))
    into new.proof
    from conversations c
    cross join lateral (
      select n.* from inputs n where n.creator_id = c.creator_id and n.conversation_id = c.id order by n.turn desc limit 20) i
    where c.creator_id = new.creator_id and c.contact_id = new.contact_id and i.created_at = new.created_at
      and i.trace -> 'consents' @> jsonb_build_array(jsonb_build_object('purpose', new.purpose))
    limit 1;
  new.proof := coalesce(new.proof, '{}');
  return new;
end $$;
revoke all on function prove_consent() from public;
create trigger consent_proved before insert on consent_records for each row when (new.proof = '{}') execute function prove_consent();
