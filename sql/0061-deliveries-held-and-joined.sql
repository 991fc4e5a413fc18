-- A message that may not be sent now is held until the person writes again. A bubble may stand for several messages of a turn, from
-- first_seq to seq; null where it stands for one.
alter table deliveries drop constraint deliveries_status_check;
alter table deliveries add constraint deliveries_status_check
  check (status in ('queued', 'held', 'sending', 'uncertain', 'sent', 'failed', 'delivered', 'read', 'played'));
alter table deliveries add column first_seq bigint;
create index deliveries_held on deliveries (creator_id, conversation_id) where status = 'held';
