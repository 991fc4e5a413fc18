-- An erasure is looked after twice: what a node had in hand for the shared cache while the rows went is written moments later, and goes then.
alter table erasures add column forgotten_at timestamptz;
