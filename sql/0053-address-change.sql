-- A token may also prove that a member reads mail at the address to change to: then `email` is the new one.
alter table mail_tokens drop constraint mail_tokens_purpose_check;
alter table mail_tokens add constraint mail_tokens_purpose_check check (purpose in ('confirm', 'reset', 'invite', 'address'));
