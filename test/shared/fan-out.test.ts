/** The contract of FanOut, on every adapter: in memory, and Redis where TEST_REDIS_URL names one. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { conversationTopic, type FanOut } from '../../src/shared/fan-out.ts';
import { createMemoryFanOut } from '../../src/shared/memory.ts';
import { openRedisFanOut } from '../../src/shared/redis.ts';
import { silentLog } from '../support/silent-log.ts';

const failures: unknown[] = [];
const onError = (error: unknown) => failures.push(error);
const redisUrl = process.env.TEST_REDIS_URL;
const overRedis = (url: string) => openRedisFanOut({ url, log: silentLog, nodeId: randomUUID(), onError });

/** Two nodes; in memory they are one. */
type Nodes = readonly [FanOut, FanOut];
const adapters: [string, () => Promise<Nodes>][] = [
  [
    'in memory',
    async () => {
      const one = createMemoryFanOut(onError);
      return [one, one];
    },
  ],
];
if (redisUrl !== undefined) adapters.push(['over Redis', async () => [await overRedis(redisUrl), await overRedis(redisUrl)]]);

describe.each(adapters)('a fan-out %s', (_, open) => {
  let here: FanOut;
  let there: FanOut;
  beforeAll(async () => {
    [here, there] = await open();
  });
  afterAll(async () => {
    await here.close();
    await there.close();
  });
  const newTopic = () => conversationTopic(randomUUID(), randomUUID());

  async function listen(node: FanOut, topic: string): Promise<{ heard: unknown[]; stop: () => void }> {
    const heard: unknown[] = [];
    return { heard, stop: await node.subscribe(topic, (news) => heard.push(news)) };
  }

  it('tells every subscriber of the topic once, in order, on both nodes', async () => {
    const topic = newTopic();
    const ears = [await listen(here, topic), await listen(here, topic), await listen(there, topic)];
    const news = Array.from({ length: 20 }, (_, index) => `número ${index}`);
    for (const item of news) here.publish(topic, item);
    await vi.waitFor(() => expect(ears.map((ear) => ear.heard)).toEqual([news, news, news]));
  });

  it('keeps topics apart', async () => {
    const [topic, another] = [newTopic(), newTopic()];
    const ear = await listen(there, topic);
    here.publish(another, 'not for you');
    here.publish(topic, 'for you');
    await vi.waitFor(() => expect(ear.heard).toEqual(['for you']));
  });

  it('tells nothing after the end of a subscription, and the others still', async () => {
    const topic = newTopic();
    const [leaves, stays] = [await listen(there, topic), await listen(there, topic)];
    leaves.stop();
    leaves.stop();
    here.publish(topic, 'news');
    await vi.waitFor(() => expect(stays.heard).toEqual(['news']));
    expect(leaves.heard).toEqual([]);
  });

  it('can be subscribed to again after everyone has left', async () => {
    const topic = newTopic();
    (await listen(there, topic)).stop();
    const ear = await listen(there, topic);
    here.publish(topic, 'again');
    await vi.waitFor(() => expect(ear.heard).toEqual(['again']));
  });

  it('tells the others when one subscriber throws', async () => {
    const topic = newTopic();
    await here.subscribe(topic, () => {
      throw new Error('deaf');
    });
    const ear = await listen(here, topic);
    here.publish(topic, 'news');
    await vi.waitFor(() => expect(ear.heard).toEqual(['news']));
    expect(failures).toContainEqual(new Error('deaf'));
  });
});

describe('a fan-out over a Redis that is down', () => {
  it('still works within the node, and neither hangs nor throws', async () => {
    const fanOut = await overRedis('redis://127.0.0.1:1');
    const heard: unknown[] = [];
    const stop = await fanOut.subscribe('t', (news) => heard.push(news));
    fanOut.publish('t', 'near');
    await vi.waitFor(() => expect(heard).toEqual(['near']));
    stop();
    await fanOut.close();
  });
});
