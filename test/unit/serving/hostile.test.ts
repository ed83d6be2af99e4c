import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { RequestRecord } from '../../../core/serving/requests.js';
import type { Endpoint } from '../../../load/endpoint.js';
import { runLoad } from '../../../load/run-load.js';
import { type EndlessAnswer, startEndless } from '../../support/endless.js';
import { endpointOf, plain } from '../../support/simulator.js';

/** Asks for 8 tokens. */
async function asked(url: string, endpoint: Partial<Endpoint> = {}): Promise<RequestRecord> {
  const { records } = await runLoad({
    endpoint: endpointOf(url, { timeoutSeconds: 60, ...endpoint }),
    requests: [plain('hello', 8)],
    arrival: { kind: 'closed', concurrency: 1 },
    seed: 1,
    maxSeconds: null,
    maxRequests: null,
  });
  return records[0]!;
}

const EVENTS = { headers: { 'content-type': 'text/event-stream' } };
const MANY = 'x'.repeat(65_536);

test.each<[string, EndlessAnswer, RegExp]>([
  [
    'a line',
    { ...EVENTS, before: 'data: ', part: MANY },
    /more than 1081344 bytes, and 8 tokens were asked for/,
  ],
  ['an event', { ...EVENTS, part: `data: ${MANY}\n` }, /more than 1081344 bytes/],
  ['comments', { ...EVENTS, part: ': waiting\n\n'.repeat(1000) }, /more than 1081344 bytes/],
  [
    'chunks',
    { ...EVENTS, part: 'data: {"choices":[{"text":"a"}]}\n\n'.repeat(1000) },
    /more than 1081344 bytes/,
  ],
  ['JSON', { part: MANY, headers: { 'content-type': 'application/json' } }, /more than 1081344 bytes/],
  ['a refusal', { part: MANY, status: 503 }, /^The server answered 503: "x{300}…/],
])('an answer without end of %s is given up at a bound', async (_what, answer, problem) => {
  const server = await startEndless(() => answer);
  onTestFinished(() => server.close());
  expect((await asked(server.url)).problem).toMatch(problem);
  // What sockets hold on their way is the system's.
  expect(server.sent()).toBeLessThan(32 * 2 ** 20);
});

describe('tokens that a server says', () => {
  const answering = async (events: readonly object[]) => {
    const server = createServer((_request, response) => {
      response.writeHead(200, EVENTS.headers);
      response.end(`${events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('')}data: [DONE]\n\n`);
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    onTestFinished(() => void server.close());
    return await asked(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  };
  const said = (prompt_tokens: number, completion_tokens: number, text = 'a') => ({
    choices: [{ text, finish_reason: 'length' }],
    usage: { prompt_tokens, completion_tokens },
  });

  test('make a count where they can be', async () => {
    expect(await answering([said(3, 8)])).toMatchObject({ promptTokens: 3, outputTokens: 8, problem: null });
  });

  test('make none beyond what was asked for and sent', async () => {
    const record = await answering([said(1e12, 1e12)]);
    expect(record).toMatchObject({ outcome: 'complete', promptTokens: null, outputTokens: null });
    expect(record.usage).toEqual({ promptTokens: null, completionTokens: null });
    expect(record.problem).toBe(
      'The server counts 1000000000000 tokens of the answer, which had 8 at most: that is not used.',
    );
  });

  test('are no more than the last of them where chunks go up and down', async () => {
    const steps = [8, 0, 8, 0, 8].map((tokens) => said(3, tokens));
    expect((await answering(steps)).outputTokens).toBe(8);
  });
});
