/** Deliveries to outside channels: one message from the record to the provider, with every step written down before and after. */
import type { Clock } from '../clock.ts';
import type { Database } from '../database.ts';
import type { Deliveries, DeliveryOutcome, DeliveryRequest } from '../deliveries.ts';
import type { CreatorId } from '../ids.ts';
import type { Log } from '../log.ts';
import type { Attachment } from '../message.ts';
import type { Seal } from '../seal.ts';
import type { Cache } from '../shared/cache.ts';
import { beginPart, type Delivery, endPart, loadDelivery, type PartRow } from '../store/deliveries.ts';
import { type Channels, openConnection } from './accounts.ts';
import {
  type Channel,
  type DeliveryStatus,
  deliveryRanks,
  type Handing,
  type OpenConnection,
  type Part,
  type Refusal,
  type SendOutcome,
  type Showable,
} from './channel.ts';
import { createPace } from './deliver-pace.ts';
import { applyRefusal } from './deliver-refusals.ts';
import { createTyping } from './typing.ts';

/** The files of creators, as far as deliveries need them. */
export interface SentFiles {
  /** The file with its content, or null. */
  read(creatorId: CreatorId, id: string): Promise<{ medium: Attachment; bytes: Uint8Array } | null>;
  /** Where anybody who has the address can fetch the file for the next hour. */
  url(creatorId: CreatorId, id: string): string;
}

/** What deliveries need. `random` gives a number from 0 up to 1: it spreads tries that would come together. */
export interface DeliveriesDeps {
  db: Database;
  clock: Clock;
  log: Log;
  seal: Seal;
  cache: Pick<Cache, 'count'>;
  channels: Channels;
  files: SentFiles;
  random(): number;
}

/** Tries of one bubble after which it has failed, whatever the provider asks for. */
const mostTries = 11;
/** Tries of one bubble that the provider did not take. */
const mostAttempts = 5;
const retryMs = 2_000;
/** How long a send nobody answered waits for the provider's word. */
const reconcileMs = 30_000;

/** One try: what is to be sent, by which way, and who asked. */
interface Try {
  request: DeliveryRequest;
  delivery: Delivery;
  connection: OpenConnection;
  address: NonNullable<Delivery['address']>;
  channel: Channel;
  signal: AbortSignal;
}

/** A bubble of a try. */
interface Bubble {
  of: Try;
  index: number;
  part: Part;
  known: PartRow | undefined;
}

/** The deliveries of this process. */
export function createDeliveries({ db, clock, log, seal, cache, channels, files, random }: DeliveriesDeps): Deliveries {
  const takeTurn = createPace({ cache, log });

  /** Writes the state of one bubble. */
  async function note(
    request: DeliveryRequest,
    connectionId: string,
    index: number,
    state: { status: DeliveryStatus; reason?: string; providerId?: string },
  ): Promise<void> {
    const { status, reason = null, providerId = null } = state;
    const ended = { status, rank: deliveryRanks[status], reason, connectionId, providerId, at: new Date(clock.wall()) };
    await db.tenant(request.creatorId, (sql) => endPart(sql, request, index, ended));
  }

  async function fail(request: DeliveryRequest, connectionId: string, index: number, reason: string): Promise<DeliveryOutcome> {
    await note(request, connectionId, index, { status: 'failed', reason });
    log.warn('delivery.failed', { creator_id: request.creatorId, connection_id: connectionId, reason });
    return { outcome: 'failed', reason };
  }

  /** Another try later, unless it was tried often enough. */
  async function later({ of, index }: Bubble, attempts: number, afterMs: number, reason: string): Promise<DeliveryOutcome> {
    if (attempts >= mostTries) return fail(of.request, of.connection.id, index, reason);
    return { outcome: 'retry', afterMs, reason };
  }

  function backoffMs(attempts: number): number {
    return Math.round(retryMs * 2 ** attempts * (0.5 + random()));
  }

  async function sendMessage(of: Try): Promise<DeliveryOutcome> {
    const isOpen = of.address.windowExpiresAt.getTime() > clock.now();
    const parts = isOpen ? of.channel.render(showable(of), true) : templateOf(of);
    if (parts === null) return outsideWindow(of, firstUnsent(of.delivery.parts));
    let providerId = '';
    for (const [index, part] of parts.entries()) {
      const known = of.delivery.parts.find((row) => row.part === index);
      if (known && isSent(known)) continue;
      const ended = await sendBubble({ of, index, part, known });
      if (ended.outcome !== 'sent') return ended;
      providerId = ended.providerId;
    }
    return { outcome: 'sent', providerId };
  }

  /** The message as it may be sent outside the window; null where it has no template, or the person has not agreed to be written to. */
  function templateOf(of: Try): readonly Part[] | null {
    return of.delivery.optedIn ? of.channel.render(showable(of), false) : null;
  }

  /** By the creator's rule: held until the person writes again, or a dead letter. */
  async function outsideWindow(of: Try, index: number): Promise<DeliveryOutcome> {
    const reason = of.delivery.message.body.template === undefined ? 'window closed' : 'no opt-in';
    if (of.connection.settings.outside_window === 'fail') return fail(of.request, of.connection.id, index, reason);
    await note(of.request, of.connection.id, index, { status: 'held', reason });
    return { outcome: 'held', reason };
  }

  async function sendBubble(bubble: Bubble): Promise<DeliveryOutcome> {
    const { of, index, known } = bubble;
    const settled = isUnsure(known) ? await settle(bubble, known) : null;
    if (settled !== null) return settled;
    const waitMs = await takeTurn(of.connection, of.address.externalId, of.channel.capabilities);
    if (waitMs > 0) return { outcome: 'wait', afterMs: waitMs, reason: 'pace' };
    await db.tenant(of.request.creatorId, (sql) => beginPart(sql, of.request, index, of.connection.id, new Date(clock.wall())));
    return conclude(bubble, await handOver(bubble), (known?.attempts ?? 0) + 1);
  }

  /** A bubble whose last try got no answer: waits for the provider's word where one can come, then goes by the creator's rule. */
  async function settle(bubble: Bubble, known: PartRow): Promise<DeliveryOutcome | null> {
    const { of, index } = bubble;
    const waitedMs = clock.wall() - known.updatedAt.getTime();
    if (of.channel.capabilities.reconciles && waitedMs < reconcileMs) {
      return { outcome: 'wait', afterMs: reconcileMs - waitedMs, reason: 'waits for word' };
    }
    if (of.connection.settings.uncertain === 'resend' && known.attempts < mostAttempts) return null;
    const reason = known.reason ?? 'interrupted';
    await note(of.request, of.connection.id, index, { status: 'uncertain', reason });
    return { outcome: 'uncertain', reason };
  }

  /** Hands the bubble over; what the provider refuses in this shape goes in another at once. */
  async function handOver({ of, index, part }: Bubble): Promise<SendOutcome> {
    const { channel, address, connection, request, signal } = of;
    const handing = { reference: referenceOf(request, index), signal };
    const hand = (shown: Part['shown']) => channel.send(shown, address, connection, handing);
    const first = part.file === undefined ? await hand(part.shown) : await handFile(of, part.shown, part.file, handing);
    if (first.outcome !== 'refused') return first;
    if (first.refusal.does === 'plain' && part.plain !== null) return hand(part.plain);
    const template = first.refusal.does === 'window' && index === 0 ? templateOf(of)?.[0] : undefined;
    return template === undefined ? first : hand(template.shown);
  }

  async function handFile(of: Try, shown: Part['shown'], { id }: Attachment, handing: Handing): Promise<SendOutcome> {
    const found = await files.read(of.request.creatorId, id);
    if (found === null) return { outcome: 'refused', refusal: { code: 'file is gone', does: 'fail' } };
    const file = { ...found.medium, content: found.bytes };
    return of.channel.send(shown, of.address, of.connection, { ...handing, file });
  }

  function showable({ request, delivery: { message } }: Try): Showable {
    const fileUrls = (message.body.attachments ?? []).map(({ id }) => [id, files.url(request.creatorId, id)]);
    return { ...message, fileUrls: Object.fromEntries(fileUrls) };
  }

  async function conclude(bubble: Bubble, ended: SendOutcome, attempts: number): Promise<DeliveryOutcome> {
    const { of, index } = bubble;
    if (ended.outcome === 'refused') return refused(bubble, ended.refusal, attempts);
    if (ended.outcome === 'sent') {
      await note(of.request, of.connection.id, index, { status: 'sent', providerId: ended.providerId });
      return ended;
    }
    const { reason } = ended;
    await note(of.request, of.connection.id, index, { status: 'uncertain', reason });
    log.warn('delivery.uncertain', { creator_id: of.request.creatorId, connection_id: of.connection.id, reason });
    if (of.channel.capabilities.reconciles) return later(bubble, attempts, reconcileMs, reason);
    const resends = of.connection.settings.uncertain === 'resend' && attempts < mostAttempts;
    return resends ? later(bubble, attempts, backoffMs(attempts), reason) : { outcome: 'uncertain', reason };
  }

  async function refused(bubble: Bubble, refusal: Refusal, attempts: number): Promise<DeliveryOutcome> {
    const { of, index } = bubble;
    const { creatorId } = of.request;
    const key = { creatorId, connectionId: of.connection.id, externalId: of.address.externalId };
    await db.tenant(creatorId, (sql) => applyRefusal(sql, key, refusal, clock.wall()));
    if (refusal.does === 'window') return outsideWindow(of, index);
    const afterMs = pauseMs(refusal, attempts);
    if (afterMs === null) return fail(of.request, key.connectionId, index, refusal.code);
    await note(of.request, key.connectionId, index, { status: 'queued', reason: refusal.code });
    return later(bubble, attempts, afterMs, refusal.code);
  }

  /** How long to wait before the next try; null when there is none. */
  function pauseMs({ does, afterMs = retryMs }: Refusal, attempts: number): number | null {
    if (does === 'park') return afterMs;
    // A provider that is out for an hour has not refused anything: eleven tries, each twice as late, last longer.
    if (does === 'retry') return backoffMs(attempts);
    return does === 'wait' && attempts < mostAttempts ? afterMs * 4 ** (attempts - 1) : null;
  }

  return {
    showTyping: createTyping({ db, clock, log, seal, channels }),
    async send(request, signal) {
      const delivery = await loadDelivery(db, request);
      if (delivery === undefined) return { outcome: 'failed', reason: 'no message' };
      const { connection: row, address, parts } = delivery;
      if (row === null) return { outcome: 'failed', reason: 'no connection' };
      const unable = row.status === 'disabled' ? 'connection disabled' : (address?.unreachable ?? null);
      if (unable !== null || address === null) return fail(request, row.id, firstUnsent(parts), unable ?? 'no address');
      // It waited for its turn, or for a provider that was out: a person's word counts at once.
      if (delivery.unwanted) return fail(request, row.id, firstUnsent(parts), 'opted out');
      const parkedMs = row.parkedUntil.getTime() - clock.wall();
      if (parkedMs > 0) return { outcome: 'wait', afterMs: parkedMs, reason: 'parked' };
      const connection = await openConnection(seal, request.creatorId, row);
      return sendMessage({ request, delivery, connection, address, channel: channels[row.channel], signal });
    },
  };
}

function isSent({ status, rank }: PartRow): boolean {
  return rank >= deliveryRanks.sent && status !== 'failed';
}

function isUnsure(part: PartRow | undefined): part is PartRow {
  return part?.status === 'sending' || part?.status === 'uncertain';
}

/** The bubble that a message that goes no further failed with. */
function firstUnsent(parts: readonly PartRow[]): number {
  return parts.find((part) => !isSent(part))?.part ?? parts.length;
}

/** Our name for a bubble, which WhatsApp repeats in every status of it. */
export function referenceOf({ conversationId, seq }: Pick<DeliveryRequest, 'conversationId' | 'seq'>, part: number): string {
  return `${conversationId}.${seq}.${part}`;
}
