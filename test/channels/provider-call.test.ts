/** A call to a provider that is cut short. */
import { expect, it } from 'vitest';
import { postForm } from '../../src/channels/provider-call.ts';

// A rejection that nobody hears fails the run of the tests as it would end the server.
it('an upload that is stopped as it begins ends with the reason, and leaves nothing behind', async () => {
  const file = { field: 'file', name: 'a.ogg', type: 'audio/ogg', content: new Uint8Array(20) };
  for (let n = 0; n < 5; n += 1) {
    const stop = new AbortController();
    const sent = postForm(fetch, 'http://127.0.0.1:9/', { fields: { model: 'm' }, file }, {}, stop.signal);
    queueMicrotask(() => stop.abort(new Error('Stopped')));
    await expect(sent).rejects.toThrow('Stopped');
  }
});
