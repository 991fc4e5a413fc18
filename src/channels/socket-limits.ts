/** The limits every socket lives under: silence, age, offences, and a client that does not read. */
import type { Clock } from '../clock.ts';
import type { Connection } from './connection.ts';

/** Every figure in one place; times in milliseconds. */
export const socketLimits = {
  /** From the upgrade to the first frame. */
  helloMs: 5_000,
  /** Without any frame from the client, which pings every 25 s. */
  silenceMs: 75_000,
  /** A socket's whole life. */
  ageMs: 12 * 60 * 60 * 1000,
  /** Bytes waiting in `bufferedAmount` above which the client counts as not reading. */
  bufferedBytes: 1024 * 1024,
  /** How long a client may not read. */
  stalledMs: 10_000,
  /** Refused frames within `offenceWindowMs` that end the socket. */
  offences: 20,
  offenceWindowMs: 60_000,
} as const;

const stallCheckMs = 250;

/** Why a limit ended the socket, with the close code that says so. */
export interface LimitReached {
  limit: 'hello' | 'silence' | 'age' | 'stalled' | 'offences';
  code: number;
}

export interface SocketLimits {
  /** The client said something. */
  heard(): void;
  /** The client said hello in time. */
  greeted(): void;
  /** The client did what it must not; the last one allowed ends the socket. */
  offended(): void;
  /** Null while the client reads, else resolves when it has caught up or the socket has ended. */
  stalled(): Promise<void> | null;
  /** Watches no more. */
  end(): void;
}

/** Watches one connection from now on. `reached` is called at most once. */
export function createSocketLimits(clock: Clock, connection: Connection, reached: (why: LimitReached) => void): SocketLimits {
  const offences: number[] = [];
  const openedAt = clock.wall();
  let heardAt = openedAt;
  let hasGreeted = false;
  let ended = false;
  let stall: { since: number; over: Promise<void>; release: () => void } | null = null;
  let cancelWatch: () => void;
  let cancelStall: () => void = () => undefined;

  function end(): void {
    ended = true;
    cancelWatch();
    cancelStall();
    stall?.release();
  }

  function reach(why: LimitReached): void {
    if (ended) return;
    end();
    reached(why);
  }

  /** The first limit of time that the socket will meet if it says nothing more, and when. */
  function nextLimit(): LimitReached & { at: number } {
    if (!hasGreeted) return { limit: 'hello', code: 1008, at: openedAt + socketLimits.helloMs };
    const silent = { limit: 'silence', code: 1001, at: heardAt + socketLimits.silenceMs } as const;
    const old = { limit: 'age', code: 1001, at: openedAt + socketLimits.ageMs } as const;
    return old.at < silent.at ? old : silent;
  }

  /** One timer per socket, put off when it fires rather than with every frame: thousands of sockets are open and say nothing. */
  function watch(): void {
    const { limit, code, at } = nextLimit();
    if (at <= clock.wall()) reach({ limit, code });
    else cancelWatch = clock.after(at - clock.wall(), watch);
  }

  function watchStall(): void {
    cancelStall = clock.after(stallCheckMs, () => {
      if (stall === null) return;
      if (connection.bufferedAmount() <= socketLimits.bufferedBytes) {
        stall.release();
        stall = null;
      } else if (clock.wall() - stall.since >= socketLimits.stalledMs) reach({ limit: 'stalled', code: 1013 });
      else watchStall();
    });
  }

  cancelWatch = clock.after(socketLimits.helloMs, watch);

  return {
    heard() {
      heardAt = clock.wall();
    },
    greeted() {
      hasGreeted = true;
    },
    offended() {
      const now = clock.wall();
      offences.push(now);
      while ((offences[0] ?? now) <= now - socketLimits.offenceWindowMs) offences.shift();
      if (offences.length >= socketLimits.offences) reach({ limit: 'offences', code: 1008 });
    },
    stalled() {
      if (ended || (stall === null && connection.bufferedAmount() <= socketLimits.bufferedBytes)) return null;
      if (stall === null) {
        const { promise, resolve } = Promise.withResolvers<void>();
        stall = { since: clock.wall(), over: promise, release: resolve };
        watchStall();
      }
      return stall.over;
    },
    end,
  };
}
