import { describe, expect, test } from 'vitest';
import { auditCaches } from '../../core/serving/audit.js';
import { runLoad } from '../../load/run-load.js';
import { endpointOf, plain, withSimulator } from '../support/simulator.js';

describe('prompts that are asked twice', () => {
  test.each([
    ['nothing', { firstToken: false, decode: false }],
    ['prefixes', { firstToken: true, decode: false }],
    ['answers', { firstToken: true, decode: true }],
  ] as const)('of a server that keeps %s', async (keeps, expected) => {
    await withSimulator({ ttft: 0.03, itl: 0.005, keeps }, async ({ url }) => {
      const prompts = Array.from({ length: 8 }, (_, i) => plain(`prompt ${i}`, 8));
      const { records } = await runLoad({
        endpoint: endpointOf(url),
        requests: prompts.flatMap((prompt) => [prompt, prompt]),
        arrival: { kind: 'closed', concurrency: 1 },
        seed: 1,
        maxSeconds: null,
        maxRequests: null,
      });
      const { pairs: asked, firstToken, decode } = auditCaches(records);
      expect(asked).toBe(8);
      expect({ firstToken: firstToken?.cached, decode: decode?.cached }).toEqual(expected);
    });
  });
});
