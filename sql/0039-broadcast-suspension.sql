-- Broadcasts of a suspended creator wait like everything else that is claimed.
select rest_while_suspended('broadcast_recipients');
