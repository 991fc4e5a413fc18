/** One socket of a member: `console.v1` spoken over a connection, which tells what happens in all conversations of the workspace. */
import * as v from 'valibot';
import type { Clock } from '../clock.ts';
import type { MemberPrincipal } from '../context.ts';
import { AppError, errorBody } from '../errors.ts';
import type { Ids } from '../ids.ts';
import type { Log } from '../log.ts';
import { type FanOut, inboxTopic } from '../shared/fan-out.ts';
import type { Connection, ServedSocket } from './connection.ts';
import { createSocketLimits, type LimitReached } from './socket-limits.ts';

/** The subprotocol of members' sockets. */
export const liveSubprotocol = 'console.v1';

const mostCharacters = 1_024;
const ClientFrame = v.variant('type', [v.strictObject({ type: v.literal('hello') }), v.strictObject({ type: v.literal('ping') })]);

/** Whose socket it is, and by which sign-in. */
export type SignIn = Pick<MemberPrincipal, 'creatorId' | 'memberId' | 'sid'>;

/** What a member's socket needs. */
export interface LiveSocketDeps {
  fanOut: Pick<FanOut, 'subscribe'>;
  /** Whether the sign-in still stands. */
  stands(who: SignIn): Promise<boolean>;
  clock: Clock;
  ids: Ids;
  log: Log;
}

/**
 * Serves one member. After `hello` each InboxNews and DocumentNews of the creator goes out as it is heard; `missed` says that some may have been lost, so that the
 * lists are to be read again. A member who does not read is told no more, and closed after a while.
 */
export function createLiveSocket({ fanOut, stands, clock, ids, log }: LiveSocketDeps, who: SignIn, connection: Connection): ServedSocket {
  const { creatorId, memberId } = who;
  const socketId = ids.uuid();
  const fields = { socket_id: socketId, creator_id: creatorId, member_id: memberId };
  const limits = createSocketLimits(clock, connection, reachLimit);
  let greeted = false;
  let closed = false;
  let skipping = false;
  let unsubscribe: (() => void) | null = null;

  function send(frame: object): void {
    if (!closed) connection.send(JSON.stringify(frame));
  }

  function stop(): void {
    closed = true;
    limits.end();
    unsubscribe?.();
    unsubscribe = null;
  }

  function close(code: number, reason: string): void {
    if (closed) return;
    log.info('live.closing', { ...fields, code, reason });
    stop();
    connection.close(code, reason);
  }

  function leave(retryAfterMs: number, reason: string): void {
    send({ type: 'closing', retry_after_ms: retryAfterMs });
    close(1001, reason);
  }

  function reachLimit({ limit, code }: LimitReached): void {
    if (limit === 'age') leave(0, limit);
    else close(code, limit);
  }

  function refuse(error: AppError): void {
    send({ type: 'error', error: errorBody(error, socketId, clock.wall()) });
    if (greeted) limits.offended();
    else close(1008, 'hello expected');
  }

  function hear(news: unknown): void {
    if (closed || skipping) return;
    const stalled = limits.stalled();
    if (stalled === null) return connection.send(JSON.stringify(news));
    skipping = true;
    void stalled.then(() => {
      skipping = false;
      send({ type: 'missed' });
    });
  }

  /** Asks the record once the socket is among those that news of ended sign-ins closes: one that ended before is refused, one that ends later is closed. */
  async function greet(): Promise<void> {
    greeted = true;
    limits.greeted();
    if (!(await stands(who))) return close(4401, 'session ended');
    const stopHearing = await fanOut.subscribe(inboxTopic(creatorId), hear, () => send({ type: 'missed' }));
    if (closed) return stopHearing();
    unsubscribe = stopHearing;
    send({ type: 'welcome' });
  }

  function giveUp(error: unknown): void {
    if (!(error instanceof AppError)) log.error('live.failed', error, fields);
    close(1013, 'unavailable');
  }

  function take(text: string): void {
    const frame = v.safeParse(ClientFrame, parseOrNull(text));
    if (!frame.success) return refuse(new AppError('INVALID_INPUT', 'Cannot read the frame: send "hello" or "ping"'));
    if (frame.output.type === 'hello' && !greeted) void greet().catch(giveUp);
    else if (frame.output.type === 'ping' && greeted) send({ type: 'pong' });
    else refuse(new AppError('INVALID_INPUT', 'Send "hello" first, and once'));
  }

  return {
    onText(text) {
      if (closed) return;
      limits.heard();
      if (text.length > mostCharacters) close(1009, 'too large');
      else take(text);
    },
    onBinary: () => close(1003, 'text only'),
    onClose: stop,
    leave: (retryAfterMs) => leave(retryAfterMs, 'shutdown'),
    configChanged: (version) => {
      if (unsubscribe !== null) send({ type: 'config', version });
    },
    endSession: () => close(4401, 'session ended'),
  };
}

function parseOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // what is no JSON is no frame
    return null;
  }
}
