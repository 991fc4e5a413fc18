/** Open conversations with each kind of server, all through the front door. */
import { randomUUID } from 'node:crypto';
import type { Talker } from './load.ts';
import { openRawSocket, type RawSocket } from './raw-socket.ts';

const text = 'I slept well and woke up once; the last coffee of the day was at two, and I was in bed before eleven.';

/** Conversations that are opened at a time. */
const atOnce = 16;

/** Sockets of a server that answers every frame with one frame. */
export async function openEchoTalkers(port: number, count: number): Promise<Talker[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const socket = await openRawSocket(`ws://127.0.0.1:${port}/`);
      const waiting: (() => void)[] = [];
      socket.onText = () => waiting.shift()?.();
      return talker(socket, waiting);
    }),
  );
}

/** A program that counts and answers: a guard, an assignment, a rendered reply past the governor, and one armed timer. */
const program = {
  meta: { id: 'talk', specVersion: 1, title: 'Talk', languages: ['en'], zone: 'Europe/Lisbon', channels: ['widget'] },
  variables: { count: { type: 'number', default: 0 } },
  entry: [{ id: 'first', on: 'api', reentry: 'never' }],
  content: {
    hello: { en: { text: 'Hello. Tell me about your night.' } },
    reply: { en: { text: 'That was message {{ vars.count }}' } },
    late: { en: { text: 'I missed you.' } },
  },
  delays: { week: { for: 'P7D' } },
  machine: {
    id: 'talk',
    initial: 'talking',
    states: {
      talking: {
        entry: [{ type: 'say', params: { content: 'hello' } }],
        on: {
          MESSAGE: {
            guard: { type: 'when', params: { expr: 'vars.count < 1000000000' } },
            actions: [
              { type: 'set', params: { count: 'vars.count + 1' } },
              { type: 'say', params: { content: 'reply' } },
            ],
          },
        },
        after: { week: 'over' },
      },
      over: { entry: [{ type: 'say', params: { content: 'late', class: 'nudge' } }], type: 'final' },
    },
  },
  // One quiet minute a day, so that a nudge costs the same whenever it is measured.
  policies: { quiet: { from: '03:00', to: '03:01' }, caps: { nudge: { max: 1, per: 'P1D' } }, unmatched: 'answer' },
};

/** A workspace with the program live; gives the creator's id. */
export async function openWorkspace(origin: string): Promise<string> {
  const account = await post(`${origin}/api/v1/auth/register`, {
    email: `${randomUUID()}@example.com`,
    password: 'correct horse battery staple',
    display_name: 'Ana',
  });
  const authorization = `Bearer ${account.access_token}`;
  const programs = `${origin}/api/v1/creators/programs`;
  const { program: made } = await post(programs, { definition: program }, { authorization });
  const { version } = await post(`${programs}/${made.id}/publish`, {}, { authorization });
  await post(`${programs}/${made.id}/versions/${version}/live`, {}, { authorization });
  return account.creator.id;
}

/** Conversations under way in the workspace, each of a contact at an address of its own; the server must believe one proxy. */
export async function openTalkers(origin: string, creatorId: string, count: number): Promise<Talker[]> {
  return many(count, async (n) => joinTalk(origin, creatorId, await beginTalk(origin, creatorId, `10.9.${n >> 8}.${n & 255}`)));
}

/** So many of what `open` makes, some at a time; `first` counts from there. */
export async function many<T>(count: number, open: (n: number) => Promise<T>, first = 0): Promise<T[]> {
  const opened: T[] = [];
  let next = 0;
  const worker = async () => {
    while (next < count) {
      const n = next;
      next += 1;
      opened[n] = await open(first + n);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return opened;
}

/** Begins a conversation with the program and gives its token. */
export function beginTalk(origin: string, creatorId: string, address: string): Promise<string> {
  return beginSession(origin, creatorId, address, { entry: 'talk' });
}

/** Begins a conversation, without a program unless `body` names one, and gives its token. */
export async function beginSession(origin: string, creatorId: string, address: string, body: { entry?: string } = {}): Promise<string> {
  const session = await post(`${origin}${widgetPath(creatorId)}/sessions`, body, { 'x-forwarded-for': address });
  return session.session_token;
}

/** Opens a socket to a conversation that has begun, on any node, and waits for the program's first message. */
export async function joinTalk(origin: string, creatorId: string, token: string): Promise<Talker> {
  const socket = await connect(origin, creatorId, token);
  const waiting: (() => void)[] = [];
  await greeted(socket, '"role":"coach"');
  // A turn has been answered when it is acknowledged and its reply is there.
  let acks = 0;
  let replies = 0;
  let answered = 0;
  socket.onText = (frame) => {
    if (frame.includes('"type":"ack"')) acks += 1;
    else if (frame.includes('"role":"coach"')) replies += 1;
    else if (frame.includes('"type":"error"') || (waiting.length > 0 && frame.includes('"type":"closing"')))
      throw new Error(`The server refused: ${frame}`);
    for (; answered < Math.min(acks, replies); answered += 1) waiting.shift()?.();
  };
  return talker(socket, waiting);
}

/** Opens a socket to a new conversation in which nothing has been said, and waits for the welcome; `n` tells its address from others. */
export async function openSocket(origin: string, creatorId: string, n: number): Promise<RawSocket> {
  const socket = await connect(origin, creatorId, await beginSession(origin, creatorId, `10.8.${n >> 8}.${n & 255}`));
  await greeted(socket, '"type":"welcome"');
  return socket;
}

async function connect(origin: string, creatorId: string, token: string): Promise<RawSocket> {
  const widget = `${origin}${widgetPath(creatorId)}`;
  const { ticket } = await post(`${widget}/tickets`, {}, { authorization: `Bearer ${token}` });
  return openRawSocket(`${widget.replace('http', 'ws')}/connect`, ['coach.v1', `ticket.${ticket}`]);
}

function widgetPath(creatorId: string): string {
  return `/api/v1/channels/widget/${creatorId}`;
}

/** Says hello and waits for a frame that holds the words. */
function greeted(socket: RawSocket, words: string): Promise<void> {
  return new Promise((resolve) => {
    socket.onText = (frame) => frame.includes(words) && resolve();
    socket.send(JSON.stringify({ type: 'hello', after: 0 }));
  });
}

function talker(socket: RawSocket, waiting: (() => void)[]): Talker {
  socket.onEnd = (code) => {
    if (waiting.length > 0) throw new Error(`The server closed a conversation under way with code ${code}`);
  };
  return {
    say(answered) {
      waiting.push(answered);
      socket.send(JSON.stringify({ type: 'message', id: randomUUID(), text }));
    },
    close: () => socket.close(),
  };
}

// biome-ignore lint/suspicious/noExplicitAny: answers are read as a client without our types reads them
async function post(url: string, body: object, headers: Readonly<Record<string, string>> = {}): Promise<any> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  return response.json();
}
