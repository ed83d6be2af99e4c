import { expect, onTestFinished, test } from 'vitest';
import { askText } from '../../../agent/quality/served/ask.js';
import { PROFILES } from '../../../core/runners/server/index.js';
import { firstModel, tryOnce, whyNotReady } from '../../../engines/servers/ask.js';
import { readPage, watchInside } from '../../../load/inside.js';
import { monotonicSeconds } from '../../../process/isolation/clock.js';
import { startEndless } from '../../support/endless.js';

/** Of all answers together; what sockets hold on their way is the system's. */
const MOST_SENT = 200 * 2 ** 20;

test('a server whose answers never end is read up to a bound, whatever it is asked', async () => {
  const server = await startEndless(() => ({
    part: '[1,'.repeat(20_000),
    headers: { 'content-type': 'application/json' },
  }));
  onTestFinished(() => server.close());
  const at = { url: server.url, apiKey: null };
  const profile = PROFILES.vllm;
  expect(await whyNotReady(at, '/health')).toBe('the answer has more than 1048576 bytes');
  expect(await firstModel(at, '/v1/models')).toBeNull();
  expect(await tryOnce(at, profile.paths, 'm', 60)).toMatch(
    /completions: the answer has more than 1048576 bytes$/,
  );
  const stop = await watchInside(`${server.url}/metrics`, {}, profile, monotonicSeconds);
  const watched = await stop(0, monotonicSeconds());
  expect(watched).toEqual({ inside: {}, insideAbsent: expect.stringMatching(/more than 4194304 bytes$/) });
  const served = { name: 's', ...at, profile, model: 'm', loras: [], pid: null, startSeconds: null };
  const endpoint = { ...served, weightsLoadSeconds: null, kept: true };
  await expect(askText(endpoint, 'Hello', { maxTokens: 1, stop: [] })).rejects.toThrow(
    'the server gave no answer to a question of quality: the answer has more than 1052672 bytes',
  );
  expect(server.sent()).toBeLessThan(MOST_SENT);
});

test('a name that every request would carry has an end, and values that add up to no number are none', async () => {
  const before = JSON.stringify({ data: [{ id: 'm'.repeat(5000) }] });
  const server = await startEndless(() => ({ part: '', before }));
  onTestFinished(() => server.close());
  expect(await firstModel({ url: server.url, apiKey: null }, '/v1/models')).toBeNull();
  expect(readPage('x{a="1"} 1e308\nx{a="2"} 1e308\ny 2\n')).toEqual(
    new Map([
      ['x', 1e308],
      ['y', 2],
    ]),
  );
});
