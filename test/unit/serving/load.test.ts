import { createServer as createSecureServer } from 'node:https';
import { createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import type { Arrival, RequestRecord } from '../../../core/serving/requests.js';
import type { Endpoint } from '../../../load/endpoint.js';
import { type LoadOrder, runLoad } from '../../../load/run-load.js';
import { temporaryFolder } from '../../support/folder.js';
import { endpointOf, many, plain, withSimulator } from '../../support/simulator.js';
import { Authority, hasOpenssl } from '../../support/tls.js';

const QUICK = { ttft: 0.002, itl: 0.001 };
const ONE_AT_A_TIME: Arrival = { kind: 'closed', concurrency: 1 };

function load(endpoint: Endpoint, rest: Partial<LoadOrder>) {
  return runLoad({
    endpoint,
    requests: many(1, 8),
    arrival: ONE_AT_A_TIME,
    seed: 1,
    maxSeconds: null,
    maxRequests: null,
    ...rest,
  });
}

/** Sends one request and tells how it ended. */
async function one(
  options: Parameters<typeof withSimulator>[0],
  endpoint: Partial<Endpoint> = {},
): Promise<RequestRecord> {
  const { records } = await withSimulator({ ...QUICK, ...options }, ({ url }) =>
    load(endpointOf(url, endpoint), {}),
  );
  expect(records).toHaveLength(1);
  return records[0]!;
}

/** Most requests that were on their way at one time. */
function together(records: readonly RequestRecord[]): number {
  return Math.max(
    ...records.map(
      ({ dispatched: at }) =>
        records.filter(({ dispatched, done }) => dispatched! <= at! && at! < done!).length,
    ),
  );
}

describe('a request', () => {
  test.each(['chat', 'completions'] as const)(
    'by %s is stamped in order and its tokens are counted by the server',
    async (api) => {
      const record = await one({ 'chunk-tokens': 3 }, { api });
      expect(record.outcome).toBe('complete');
      expect(record.problem).toBeNull();
      const { intended, dispatched, headers, firstByte, firstToken, firstAnswer, lastToken, done } = record;
      const stamps = [
        intended,
        dispatched!,
        headers!,
        firstByte!,
        firstToken!,
        firstAnswer!,
        lastToken!,
        done!,
      ];
      expect(stamps).toEqual([...stamps].sort((a, b) => a - b));
      expect(record.chunks.tokens).toEqual([3, 3, 2]);
      expect(record.usage).toEqual({ promptTokens: 3, completionTokens: 8 });
      expect(record.promptTokens).toBe(3);
      expect(record.outputTokens).toBe(8);
    },
  );

  test('that is not streamed has its text, its count and no chunks', async () => {
    const record = await one({}, { stream: false });
    expect(record).toMatchObject({
      outcome: 'complete',
      outputTokens: 8,
      firstToken: null,
      chunks: { tokens: [] },
    });
  });

  // What has begun to answer is given up in the middle: on a busy machine, too, it has begun by then.
  const LIMITS: Record<string, Partial<Endpoint>> = {
    hang: { timeoutSeconds: 0.4 },
    'no-end': { timeoutSeconds: 2 },
    'slow-loris': { timeoutSeconds: 2 },
  };
  test.each<[string, RequestRecord['outcome'], RegExp]>([
    ['hang', 'timed-out', /^The request was given up after 0.4 s, without any answer\.$/],
    ['too-many', 'rejected', /^The server answered 429: "too many requests", to be asked again after 1\.$/],
    ['internal-error', 'server-error', /^The server answered 500: "out of memory"\.$/],
    ['broken-json', 'broken', /^The server sent JSON in a chunk of its stream that cannot be read: /],
    ['content-type', 'broken', /^A stream of events was asked for, and the server answers text\/html\.$/],
    [
      'chunk-error',
      'server-error',
      /^The server gave up in the middle of its stream: "the context is full"\.$/,
    ],
    [
      'no-done',
      'broken',
      /^The stream ended without \[DONE\] and without a finish_reason, after 4 chunks\.$/,
    ],
    [
      'no-end',
      'timed-out',
      /^The request was given up after 2 s, in the middle of its answer, after \d+ chunks\.$/,
    ],
    [
      'half-close',
      'broken',
      /^The connection to the server was closed in the middle of its answer, after 4 chunks\.$/,
    ],
    [
      'reset',
      'broken',
      /^The connection to the server was closed in the middle of its answer, after \d chunks?\.$/,
    ],
    ['slow-loris', 'timed-out', /^The request was given up after 2 s, without a token\.$/],
    [
      'redirect',
      'rejected',
      /^The server redirects \(307\) to \/v2\/completions; redirects are not followed\.$/,
    ],
    ['die', 'broken', /^The connection to the server was closed before it answered\.$/],
    ['short', 'complete', /^The server ended after 4 of the 8 tokens that were asked for\.$/],
  ])('to a server with the fault %s is %s', async (fault, outcome, problem) => {
    const record = await one({ fault }, LIMITS[fault]);
    expect(record.outcome).toBe(outcome);
    expect(record.problem).toMatch(problem);
    expect(record.done).not.toBeNull();
  });

  test('whose stream says its end and stays open is complete', async () => {
    expect(await one({ fault: 'stays-open' })).toMatchObject({
      outcome: 'complete',
      problem: null,
      outputTokens: 8,
    });
  });

  test('without a token for too long is given up', async () => {
    const record = await one({ itl: 10 }, { idleSeconds: 2 });
    expect(record.outcome).toBe('timed-out');
    expect(record.problem).toBe(
      'The server sent no token for 2 s in the middle of its answer, after 1 chunk.',
    );
  });

  test('to nobody, and to something that speaks no HTTP', async () => {
    const { records } = await load(endpointOf('http://127.0.0.1:1'), {});
    expect(records[0]).toMatchObject({
      outcome: 'refused',
      problem: 'There is no connection to http://127.0.0.1:1: nobody listens there (ECONNREFUSED).',
    });
    const server = createServer((socket) => socket.end('hello\r\n'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const plainText = await load(endpointOf(`http://127.0.0.1:${port}`), {});
    const secure = await load(endpointOf(`https://127.0.0.1:${port}`), {});
    server.close();
    expect(plainText.records[0]!.problem).toMatch(
      /^The server answers something that is not HTTP\/1\.1 \(HPE_\w+\)\.$/,
    );
    expect(secure.records[0]!.outcome).toBe('refused');
    expect(secure.records[0]!.problem).toMatch(/^There is no secure connection to https:/);
  });

  test.skipIf(!hasOpenssl)(
    'to a server whose certificate nobody vouches for is refused (needs openssl)',
    async () => {
      const folder = temporaryFolder();
      const { certificate, key } = new Authority(folder).issue('server');
      const server = createSecureServer({ cert: certificate, key }, (_request, response) => response.end());
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as { port: number };
      const { records } = await load(endpointOf(`https://localhost:${port}`), {});
      server.close();
      expect(records[0]!.outcome).toBe('refused');
      expect(records[0]!.problem).toMatch(/^There is no secure connection to https:.* \(UNABLE_TO_\w+\)\.$/);
    },
  );
});

describe('a load', () => {
  test('of a closed loop keeps so many requests on their way until none is left', async () => {
    const { records, generator } = await withSimulator(QUICK, ({ url }) =>
      load(endpointOf(url), { requests: many(20, 4), arrival: { kind: 'closed', concurrency: 4 } }),
    );
    expect(records.map(({ outcome }) => outcome)).toEqual(Array(20).fill('complete'));
    expect(records.map(({ index }) => index)).toEqual([...Array(20).keys()]);
    expect(together(records)).toBe(4);
    expect(generator.lag!.max).toBeGreaterThanOrEqual(0);
    expect(generator.cpuSeconds).toBeGreaterThan(0);
  });

  test('of a server that keeps connections after its answers is not late by that', async () => {
    const { records, generator } = await withSimulator({ ...QUICK, fault: 'stays-open' }, ({ url }) =>
      load(endpointOf(url), { requests: many(2, 4) }),
    );
    // It was held for a second, and began as soon as it was free.
    expect(records[1]!.dispatched! - records[0]!.done!).toBeGreaterThan(1);
    expect(generator.lag!.max).toBeLessThan(1);
  });

  test('of an open loop sends whatever the server does', async () => {
    const { records } = await withSimulator({ ttft: 1, itl: 0 }, ({ url }) =>
      load(endpointOf(url), {
        requests: many(20, 1),
        arrival: { kind: 'open', requestsPerSecond: 200, shape: Number.POSITIVE_INFINITY },
      }),
    );
    expect(records.map(({ intended }) => intended)).toEqual(records.map((_, i) => Math.round(i * 5e6) / 1e9));
    expect(records.every(({ dispatched, intended }) => dispatched! >= intended)).toBe(true);
    expect(together(records)).toBe(20);
  });

  test('with a limit keeps what waits, and its scheduled time', async () => {
    const { records } = await withSimulator({ ttft: 0.02, itl: 0 }, ({ url }) =>
      load(endpointOf(url), { requests: many(6, 1), arrival: { kind: 'offline' }, maxConcurrency: 2 }),
    );
    expect(together(records)).toBe(2);
    expect(records.map(({ intended }) => intended)).toEqual(Array(6).fill(0));
    expect(records.at(-1)!.dispatched!).toBeGreaterThan(0.03);
  });

  test('of conversations sends each turn after the answer before it, with all that was said', async () => {
    const turns = (conversation: number) =>
      [0, 1, 2].map((turn) =>
        plain('two words', 3, { conversation, turn, follows: turn > 0, thinkSeconds: turn === 0 ? 0 : 0.02 }),
      );
    const { records } = await withSimulator(QUICK, ({ url }) =>
      load(endpointOf(url, { api: 'chat' }), {
        requests: [...turns(0), ...turns(1)],
        arrival: { kind: 'closed', concurrency: 2 },
      }),
    );
    for (const conversation of [0, 1]) {
      const own = records.filter((record) => record.conversation === conversation);
      expect(own.map(({ turn }) => turn)).toEqual([0, 1, 2]);
      // Two words, three tokens of an answer, two words, and so on.
      expect(own.map(({ promptTokens }) => promptTokens)).toEqual([2, 7, 12]);
      for (const [i, record] of own.slice(1).entries())
        expect(record.intended).toBeCloseTo(own[i]!.done! + 0.02, 6);
    }
  });

  test('skips the turns after one that failed', async () => {
    const turn = (n: number) => plain('hello', 2, { conversation: 0, turn: n, follows: true });
    const { records, skippedTurns } = await withSimulator(
      { ...QUICK, fault: 'internal-error:1' },
      ({ url }) => load(endpointOf(url), { requests: [turn(0), turn(1), turn(2)] }),
    );
    expect(records.map(({ outcome }) => outcome)).toEqual(['complete', 'server-error']);
    expect(skippedTurns).toBe(1);
  });

  test('of a trace starts when the trace says', async () => {
    const { records } = await withSimulator(QUICK, ({ url }) =>
      load(endpointOf(url), {
        requests: [plain('a', 1, { atSeconds: 0.01 }), plain('b', 1, { atSeconds: 0.05 })],
        arrival: { kind: 'trace' },
      }),
    );
    expect(records.map(({ intended }) => intended)).toEqual([0.01, 0.05]);
  });

  test('ends with its time, its number, and when it is told to', async () => {
    await withSimulator({ ttft: 0.01, itl: 0 }, async ({ url }) => {
      const timed = await load(endpointOf(url), { requests: many(10_000, 1), maxSeconds: 0.1 });
      expect(timed.records.length).toBeLessThan(20);
      expect(timed.records.every(({ outcome }) => outcome === 'complete')).toBe(true);
      expect(timed.sendingSeconds).toBeGreaterThanOrEqual(0.1);
      const counted = await load(endpointOf(url), { requests: many(10_000, 1), maxRequests: 3 });
      expect(counted.records).toHaveLength(3);
    });
    await withSimulator({ ttft: 5 }, async ({ url }) => {
      const drained = await load(endpointOf(url), { maxSeconds: 0.05, drainSeconds: 0.05 });
      expect(drained.records.map(({ outcome }) => outcome)).toEqual(['unfinished']);
      expect(drained.records[0]!.problem).toBe('The run ended before the answer, and waited 0.05 s for it.');
      const stopped = await load(endpointOf(url), { shouldStop: () => 'the sweep was cancelled' });
      expect(stopped.records[0]!.problem).toBe('The run was stopped: the sweep was cancelled.');
    });
  });

  test('sends again what met a connection that the server had given up', async () => {
    const answer = 'data: {"choices":[{"text":"a","finish_reason":"stop"}]}\n\ndata: [DONE]\n\n';
    const head = `HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: ${answer.length}\r\n\r\n`;
    let connections = 0;
    const server = createServer((socket) => {
      connections += 1;
      let requests = 0;
      socket.on('error', () => {});
      socket.on('data', () => (requests++ === 0 ? socket.write(head + answer) : socket.resetAndDestroy()));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const { records } = await load(endpointOf(`http://127.0.0.1:${port}`), { requests: many(3, 1) });
    server.close();
    expect(records.map(({ outcome }) => outcome)).toEqual(Array(3).fill('complete'));
    expect(connections).toBe(3);
  });

  test('does not ask a dead server without end', async () => {
    const { records } = await load(endpointOf('http://127.0.0.1:1'), {
      requests: many(10_000, 1),
      maxSeconds: 0.5,
    });
    expect(records.length).toBeLessThan(10);
    expect(records.length).toBeGreaterThan(1);
  });

  test('of nothing is over at once', async () => {
    expect((await load(endpointOf('http://127.0.0.1:1'), { requests: [] })).records).toEqual([]);
  });
});

describe('a server that goes away', () => {
  test('is not asked for the rest: the run ends with a sentence', async () => {
    const { records, lost } = await withSimulator({ ...QUICK, fault: 'die:6' }, ({ url }) =>
      load(endpointOf(url), { requests: many(2000, 4), arrival: { kind: 'closed', concurrency: 4 } }),
    );
    expect(lost).toMatch(
      /^\d+ requests in a row over [23]\.\d s had no answer; the last: There is no connection to .*ECONNREFUSED/,
    );
    expect(records.length).toBeLessThan(200);
    expect(records.filter(({ outcome }) => outcome === 'complete').length).toBeGreaterThanOrEqual(3);
  });

  test('for a moment is asked on', async () => {
    // Each loses its connection, and each but those was answered before it.
    const { records, lost } = await withSimulator({ ...QUICK, fault: 'reset' }, ({ url }) =>
      load(endpointOf(url), { requests: many(30, 8), arrival: { kind: 'closed', concurrency: 4 } }),
    );
    expect(lost).toBeNull();
    expect(records).toHaveLength(30);
  });
});
