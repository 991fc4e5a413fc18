-- What a herd of timers changes finds room on the page of its row, as conversations do (0074-hot-conversations.sql): a contact that a nudge
-- was sent to, a timer that is claimed.
alter table contacts set (fillfactor = 50);
alter table timers set (fillfactor = 50);

-- Few creators hear of states by webhook: what they would hear is put together for those alone.
create or replace function tell_state() returns trigger language plpgsql set search_path = pg_catalog, public as $$
begin
  if exists (select from webhooks w where w.creator_id = new.creator_id and 'conversation.state' = any (w.events)) then
    perform tell_webhooks(new.creator_id, 'conversation.state', jsonb_build_object('conversation_id', new.id, 'contact_id', new.contact_id,
      'program_id', new.program_id, 'program_version', new.program_version, 'state', new.state, 'control', new.control,
      'status', new.status, 'outcome', new.outcome, 'version', new.version, 'at', new.updated_at));
  end if;
  return null;
end $$;
