import { describe, expect, test } from 'vitest';
import { createRemember } from '../../src/rag/remembered.ts';

describe('what is remembered', () => {
  test('is looked up once a version, and the longest unasked is forgotten', async () => {
    const looked: string[] = [];
    const remember = createRemember<string>(10, (value) => value.length);
    const ask = (key: string, version = 1, value = 'four') =>
      remember(key, version, async () => {
        looked.push(`${key}${version}`);
        return value;
      });
    for (const key of ['a', 'b', 'a', 'c', 'a', 'b']) await ask(key);
    expect(looked).toEqual(['a1', 'b1', 'c1', 'b1']);
    expect(await ask('a', 2, 'more')).toBe('more');
    await ask('huge', 1, 'more than all the room');
    await ask('huge');
    expect(looked.slice(4)).toEqual(['a2', 'huge1']);
  });

  test('is not what could not be looked up', async () => {
    const remember = createRemember<string>(10, (value) => value.length);
    await expect(remember('a', 1, () => Promise.reject(new Error('down')))).rejects.toThrow('down');
    expect(await remember('a', 1, async () => 'up')).toBe('up');
  });
});
