/**
 * A bare durable server of the same shape as ours: `ws`, JSON, one XState transition, and a group commit of snapshot, input and two
 * messages under row level security. No validation, limits, tenancy over HTTP, programs, timers or effects: what is left of the time is the price of those.
 */
import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { PGlite } from '@electric-sql/pglite';
import pg from 'pg';
import { type WebSocket, WebSocketServer } from 'ws';
import { assign, createMachine, transition } from 'xstate';

const schema = `
  do $$ begin create role bare_app nologin; exception when duplicate_object then null; end $$;
  create table bare_conversations (creator uuid, id uuid, version bigint not null, snapshot text not null, primary key (creator, id));
  create table bare_inputs (creator uuid, conversation uuid, id text, payload jsonb not null, primary key (creator, conversation, id));
  create table bare_messages (creator uuid, conversation uuid, seq bigint, body jsonb not null, primary key (creator, conversation, seq));
  do $$ declare t text; begin
    foreach t in array array['bare_conversations', 'bare_inputs', 'bare_messages'] loop
      execute format('alter table %s enable row level security', t);
      execute format('alter table %s force row level security', t);
      execute format('create policy tenant on %s using (creator = (select current_setting(''app.creator'')::uuid))', t);
      execute format('grant select, insert, update on %s to bare_app', t);
    end loop;
  end $$;
  create function bare_commit(batch jsonb) returns void language plpgsql as $$
  declare turn record;
  begin
    perform set_config('role', 'bare_app', true);
    for turn in select * from jsonb_to_recordset(batch) as t
        (creator uuid, id uuid, version bigint, snapshot text, input text, payload jsonb, said jsonb, reply jsonb) loop
      perform set_config('app.creator', turn.creator::text, true);
      insert into bare_conversations values (turn.creator, turn.id, turn.version, turn.snapshot)
        on conflict (creator, id) do update set version = excluded.version, snapshot = excluded.snapshot
        where bare_conversations.version = excluded.version - 1;
      if not found then raise exception 'lost race'; end if;
      insert into bare_inputs values (turn.creator, turn.id, turn.input, turn.payload);
      insert into bare_messages values (turn.creator, turn.id, turn.version * 2 - 1, turn.said), (turn.creator, turn.id, turn.version * 2, turn.reply);
    end loop;
  end $$;`;

interface Heard {
  type: 'MESSAGE';
  text: string;
}

const machine = createMachine({
  types: {} as { context: { count: number; history: string[] }; events: Heard },
  context: { count: 0, history: [] },
  initial: 'talking',
  states: {
    talking: {
      on: {
        MESSAGE: {
          guard: ({ context }) => context.count < 1e9,
          actions: assign({
            count: ({ context }) => context.count + 1,
            history: ({ context, event }) => [...context.history.slice(-7), event.text],
          }),
        },
      },
    },
  },
});

/** One commit call at a time on each lane, as large as what has gathered meanwhile. */
const most = 256;
const lanes = 2;

const commit = await openStore();
const creator = randomUUID();
let waiting: { turn: object; done: () => void }[] = [];
let busy = 0;

async function work(): Promise<void> {
  busy += 1;
  while (waiting.length > 0) {
    const batch = waiting.slice(0, most);
    waiting = waiting.slice(most);
    await commit(JSON.stringify(batch.map(({ turn }) => turn)));
    for (const { done } of batch) done();
  }
  busy -= 1;
}

function serve(socket: WebSocket): void {
  const conversation = { id: randomUUID(), version: 0, snapshot: JSON.stringify({ value: 'talking', context: { count: 0, history: [] } }) };
  /** What came while the turn before was not on record: two lanes would commit them in any order. */
  const queued: string[] = [];
  let isUnderWay = false;
  const take = (data: string) => {
    isUnderWay = true;
    const { id, text } = JSON.parse(data) as { id: string; text: string };
    const before = machine.resolveState(JSON.parse(conversation.snapshot));
    const [{ value, context }] = transition(machine, before, { type: 'MESSAGE', text });
    conversation.version += 1;
    conversation.snapshot = JSON.stringify({ value, context });
    const reply = { text: `That was message ${context.count}` };
    const turn = { creator, ...conversation, input: id, payload: { text }, said: { text }, reply };
    const done = () => {
      socket.send(JSON.stringify({ type: 'ack', id, seq: conversation.version * 2, reply }));
      isUnderWay = false;
      const next = queued.shift();
      if (next !== undefined) take(next);
    };
    waiting.push({ turn, done });
    if (busy < lanes) queueMicrotask(() => busy < lanes && waiting.length > 0 && void work());
  };
  socket.on('message', (data) => {
    if (isUnderWay) queued.push(String(data));
    else take(String(data));
  });
}

async function openStore(): Promise<(batch: string) => Promise<unknown>> {
  const { DATABASE_URL, DATA_DIR } = process.env;
  if (DATABASE_URL) {
    const pool = new pg.Pool({ connectionString: DATABASE_URL, max: lanes });
    await pool.query(schema);
    return (batch) => pool.query('select bare_commit($1)', [batch]);
  }
  const engine = await PGlite.create(DATA_DIR as string);
  await engine.exec(schema);
  return (batch) => engine.query('select bare_commit($1)', [batch]);
}

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false, clientTracking: false }, () => {
  console.log(`up on ${(server.address() as AddressInfo).port}`);
});
server.on('connection', serve);
process.once('SIGTERM', () => process.exit(0));
