/** Holds what people were promised and told against the record. */
import { expect } from 'vitest';
import { until } from '../acceptance/clients.ts';
import type { Cluster } from './cluster.ts';
import type { Person } from './person.ts';

interface Stored {
  id: string;
  seq: number;
  role: string;
  text: string;
  reply: string | null;
}

/**
 * Zero acked inputs lost, zero applied twice, zero messages twice at a client, every effect one outcome, every timer fired once. To be called
 * when nobody writes any more; waits for what is still under way.
 */
export async function expectPromisesKept(cluster: Cluster, people: readonly Person[]): Promise<void> {
  await untilEffectsEnded(cluster);
  for (const person of people) await expectKept(cluster, person);
  await expectOneOutcomeEach(cluster);
}

async function untilEffectsEnded({ record }: Cluster): Promise<void> {
  const deadline = Date.now() + 75_000;
  for (;;) {
    const { rows } = await record.query(`select count(*)::int as left from effects where status = 'planned'`);
    if (rows[0].left === 0) return;
    if (Date.now() > deadline) throw new Error(`Effects left without an outcome: ${rows[0].left}`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

async function expectKept({ record }: Cluster, person: Person): Promise<void> {
  const [known] = person.acked.keys();
  const { rows } = await record.query('select conversation_id from messages where id = $1', [known]);
  const conversationId = rows[0]?.conversation_id;
  const stored = async () =>
    (
      await record.query<Stored>(
        `select id, seq::int, role, body ->> 'text' as text, body ->> 'reply' as reply from messages where conversation_id = $1 order by seq`,
        [conversationId],
      )
    ).rows;

  await until(async () => person.received.length >= (await stored()).length);
  const messages = await stored();
  expect(person.broken).toEqual([]);
  expect(messages.map(({ seq }) => seq)).toEqual(messages.map((_, index) => index + 1));
  // Time goes on while we look: the record may already hold more than had come.
  const received = person.received.slice(0, messages.length);
  expect(received.map(({ seq, id, text }) => ({ seq, id, text }))).toEqual(messages.map(({ seq, id, text }) => ({ seq, id, text })));
  for (const [id, seq] of person.acked)
    expect(messages.filter((message) => message.id === id).map((message) => message.seq)).toEqual([seq]);
  expectCounted(messages);
}

/** The program counted each input once, in order, and each firing of its timer once. */
function expectCounted(messages: readonly Stored[]): void {
  const said = messages.filter(({ role }) => role === 'contact').length;
  for (const kind of ['heard', 'nudge', 'event']) {
    const counted = messages.filter(({ role, text }) => role === 'coach' && text.startsWith(`${kind} `));
    expect(counted.map(({ text }) => text)).toEqual(counted.map((_, index) => `${kind} ${index + 1}`));
    if (kind === 'heard') expect(counted).toHaveLength(said);
  }
  const replies = messages.flatMap(({ reply }) => reply ?? []);
  expect(new Set(replies).size).toBe(replies.length);
}

async function expectOneOutcomeEach({ record }: Cluster): Promise<void> {
  const { rows } = await record.query(`
    select e.id, e.status, count(i.*)::int as results
    from effects e left join inputs i on i.creator_id = e.creator_id and i.conversation_id = e.conversation_id and i.input_id = 'effect:' || e.id
    group by e.id, e.status
    having count(i.*) > 1 or (count(i.*) = 0 and e.status <> 'cancelled')`);
  expect(rows).toEqual([]);
}
