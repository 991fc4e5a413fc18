-- The few conversations that a person has in hand, for the list of those that wait for one. A turn moves a row here only when control or the
-- hour changes, so the others still touch no index.
create index conversations_in_hand on conversations (creator_id, active_hour) where control = 'human';
