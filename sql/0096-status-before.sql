-- What a conversation was before it was set aside: one that had ended is taken up as ended, so that its contact may begin anew.
alter table conversations add column status_before text;
