/** A person who writes without pause, moves to another node when theirs fails, and remembers everything they were promised and told. */
import { randomUUID } from 'node:crypto';

/** A message as it came over a socket. */
export interface Received {
  seq: number;
  id: string;
  role: string;
  text: string;
  reply?: string;
}

/** What one person did, was promised, and received. */
export interface Person {
  /** Ids of messages that were acknowledged, with their `seq`. */
  acked: ReadonlyMap<string, number>;
  received: readonly Received[];
  /** Whatever broke a promise of the protocol, in words. */
  broken: readonly string[];
  /** Wall time, in milliseconds, of the newest acknowledgement. */
  ackedAt(): number;
  /** What `closing` frames asked for, in milliseconds. */
  hints: readonly number[];
  /** Says no more, waits for what is under way, and stays connected. */
  hush(): Promise<void>;
  leave(): void;
}

/** Without an acknowledgement or a welcome for this long, another node is tried with the same message. */
const patienceMs = 3_000;
const pauseMs = 150;
const retryMs = 250;

/**
 * Begins a conversation and writes until hushed: one message after another, every tenth a question.
 *
 * @param origins where the nodes are, the preferred one first
 */
export async function startPerson(origins: readonly string[], creatorId: string): Promise<Person> {
  const widget = `/api/v1/channels/widget/${creatorId}`;
  const { session_token: token } = await post(`${origins[0]}${widget}/sessions`, { entry: 'counting' });
  const acked = new Map<string, number>();
  const received: Received[] = [];
  const broken: string[] = [];
  const hints: number[] = [];
  let ackedAt = 0;
  let node = 0;
  let quiet = false;
  let gone = false;
  let socket: WebSocket | null = null;
  let answered: () => void = () => undefined;
  let waitingFor = '';

  function receive(message: Received): void {
    const expected = (received.at(-1)?.seq ?? 0) + 1;
    if (message.seq !== expected) broken.push(`received ${message.seq} where ${expected} was next`);
    received.push(message);
  }

  function acknowledge(id: string, seq: number): void {
    const known = acked.get(id) ?? seq;
    if (known !== seq) broken.push(`acknowledged ${id} as ${known} and as ${seq}`);
    acked.set(id, seq);
    ackedAt = Date.now();
    if (id === waitingFor) answered();
  }

  function hear(frame: Received & { type: string; retry_after_ms: number }): void {
    if (frame.type === 'message') receive(frame);
    if (frame.type === 'ack') acknowledge(frame.id, frame.seq);
    if (frame.type === 'closing') hints.push(frame.retry_after_ms);
    if (frame.type === 'error' && frame.id === waitingFor) answered();
  }

  /** One try to be connected to the next node. */
  async function connect(): Promise<void> {
    const origin = origins[node % origins.length] as string;
    const { ticket } = await post(`${origin}${widget}/tickets`, {}, token);
    const opening = new WebSocket(`${origin.replace('http', 'ws')}${widget}/connect`, ['coach.v1', `ticket.${ticket}`]);
    await new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => {
        opening.close();
        reject(new Error('late'));
      }, patienceMs);
      opening.onopen = () => opening.send(JSON.stringify({ type: 'hello', after: received.at(-1)?.seq ?? 0 }));
      opening.onerror = () => reject(new Error('refused'));
      opening.onmessage = ({ data }) => {
        const frame = JSON.parse(data);
        if (frame.type === 'welcome' && socket === null && !gone) {
          clearTimeout(late);
          socket = opening;
          resolve();
        }
        // A socket that was given up may still talk; nobody listens.
        if (socket === opening) hear(frame);
      };
      opening.onclose = () => {
        clearTimeout(late);
        reject(new Error('closed'));
        if (socket === opening) moveOn();
      };
    });
  }

  function moveOn(): void {
    const left = socket;
    socket = null;
    left?.close();
    node += 1;
    answered();
  }

  async function connected(): Promise<void> {
    while (socket === null && !gone) {
      await connect().catch(() => {
        node += 1;
      });
      if (socket === null) await sleep(retryMs);
    }
  }

  /** Says it again, wherever, until it is acknowledged. */
  async function say(text: string): Promise<void> {
    const id = randomUUID();
    while (!acked.has(id) && !gone) {
      await connected();
      waitingFor = id;
      const answer = new Promise<boolean>((resolve) => {
        answered = () => resolve(true);
        setTimeout(() => resolve(false), patienceMs);
      });
      socket?.send(JSON.stringify({ type: 'message', id, text }));
      if (!(await answer)) moveOn();
      if (!acked.has(id)) await sleep(retryMs);
    }
  }

  async function talk(): Promise<void> {
    for (let n = 1; !quiet; n += 1) {
      await say(n % 10 === 0 ? `Is ${n} a lot?` : `This is ${n}`);
      await sleep(pauseMs * (0.5 + Math.random()));
    }
    await connected();
  }

  await connected();
  const talking = talk();
  return {
    acked,
    received,
    broken,
    hints,
    ackedAt: () => ackedAt,
    hush() {
      quiet = true;
      return talking;
    },
    leave() {
      gone = true;
      socket?.close();
    },
  };
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

// biome-ignore lint/suspicious/noExplicitAny: answers are read as a client without our types reads them
async function post(url: string, body: object, token?: string): Promise<any> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(patienceMs),
  });
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  return response.json();
}
