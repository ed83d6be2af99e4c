import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { PROFILES } from '../../../core/runners/server/index.js';
import { readPage } from '../../../load/inside.js';
import { runLoad } from '../../../load/run-load.js';
import { endpointOf, many, plain, withSimulator } from '../../support/simulator.js';

/** What a vLLM said, as test/bench/vllm/trace.ts wrote it down. */
interface Trace {
  readonly answers: readonly {
    readonly body: { readonly max_tokens: number };
    readonly pieces: readonly { readonly text: string }[];
  }[];
  readonly metricsBefore: string;
  readonly metricsAfter: string;
}
const TRACE: Trace = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../fixtures/servers/traces/vllm-0.32.0.json'), 'utf8'),
);
const { streamOptions, metrics } = PROFILES.vllm;

/** Says one recorded answer after the other, in the pieces that it came in. */
async function replayed() {
  const asked: unknown[] = [];
  const server = createServer(async (request, response) => {
    const { pieces } = TRACE.answers[asked.length]!;
    let body = '';
    for await (const part of request) body += part;
    asked.push(JSON.parse(body));
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
    for (const { text } of pieces) {
      response.write(text);
      await new Promise((resolve) => setImmediate(resolve));
    }
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const outcome = await runLoad({
    endpoint: endpointOf(`http://127.0.0.1:${port}`, { model: 'small', streamOptions }),
    requests: TRACE.answers.map(({ body }) => plain('as recorded', body.max_tokens)),
    arrival: { kind: 'closed', concurrency: 1 },
    seed: 1,
    maxSeconds: null,
    maxRequests: null,
    tokenizer: null,
  });
  server.close();
  server.closeAllConnections();
  return { ...outcome, asked };
}

const growth = (name: string, { metricsBefore, metricsAfter }: Trace) =>
  readPage(metricsAfter).get(name)! - readPage(metricsBefore).get(name)!;

describe('what a vLLM said', () => {
  test('has as many tokens as it counted with each chunk, those without a text among them', async () => {
    const { records, outputTokensBy, asked } = await replayed();
    expect(records.map(({ problem }) => problem)).toEqual([null, null]);
    expect(records.map(({ outputTokens }) => outputTokens)).toEqual([8, 12]);
    expect(records.map(({ usage }) => usage?.completionTokens)).toEqual([8, 12]);
    expect(records.map(({ chunks }) => chunks.tokens.length)).toEqual([8, 12]);
    expect(outputTokensBy).toBe('chunks');
    expect(asked).toEqual([expect.objectContaining({ stream_options: streamOptions }), expect.anything()]);
  });

  test('agrees with its own counters, whose series the profile reads', () => {
    expect(growth('vllm:generation_tokens_total', TRACE)).toBe(20);
    expect(growth('vllm:request_success_total', TRACE)).toBe(2);
    const page = readPage(TRACE.metricsAfter);
    const optional = [metrics.draftedTokens, metrics.acceptedDraftTokens, metrics.draftSteps].flat();
    const read = Object.values(metrics).flat();
    expect(read.filter((name) => !page.has(name))).toEqual(optional);
  });
});

/** The names in a value, those of its parts behind them. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shapeOf);
  if (typeof value !== 'object' || value === null) return null;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, shapeOf(part)]));
}

const eventsOf = (text: string) =>
  text.split('\n').flatMap((line) => (/^data: \{/.test(line) ? [JSON.parse(line.slice(6))] : []));

describe('the simulated server that speaks like vLLM', () => {
  const speaks = { speaks: 'vLLM', ttft: 0.001, itl: 0.0005 } as const;

  test('says nothing that a vLLM does not say', async () => {
    const recorded = eventsOf(TRACE.answers[0]!.pieces.map(({ text }) => text).join(''));
    await withSimulator(speaks, async ({ url }) => {
      const answer = await fetch(`${url}/v1/completions`, {
        method: 'POST',
        body: JSON.stringify({ prompt: 'a b', max_tokens: 8, stream: true, stream_options: streamOptions }),
      });
      const said = eventsOf(await answer.text());
      expect(said).toHaveLength(recorded.length);
      for (const [i, event] of said.entries()) {
        expect(shapeOf(recorded[i])).toMatchObject(shapeOf(event) as object);
        expect(event.usage.completion_tokens).toBe(recorded[i].usage.completion_tokens);
        expect(event.choices[0]?.finish_reason).toBe(recorded[i].choices[0]?.finish_reason);
      }
      const page = await (await fetch(`${url}/metrics`)).text();
      const known = readPage(TRACE.metricsAfter);
      const own = [...readPage(page).keys()].filter((name) => !name.endsWith('_bucket'));
      expect(own.filter((name) => !known.has(name))).toEqual([]);
    });
  });

  test('counts for itself what a load generator counts of it', async () => {
    await withSimulator({ ...speaks, 'late-text': 3, 'chunk-tokens': 2 }, async ({ url, counters }) => {
      const { records, outputTokensBy } = await runLoad({
        endpoint: endpointOf(url, { streamOptions }),
        requests: many(6, 9),
        arrival: { kind: 'closed', concurrency: 2 },
        seed: 1,
        maxSeconds: null,
        maxRequests: null,
      });
      expect(outputTokensBy).toBe('chunks');
      for (const { chunks, outputTokens } of records) {
        expect(outputTokens).toBe(9);
        expect(chunks.tokens).toEqual([2, 2, 2, 2, 1]);
      }
      expect(counters).toMatchObject({ outputTokens: 54, answered: 6, chunks: 30 });
      expect([counters.firstToken.count, counters.interChunk.count, counters.perToken.count]).toEqual([
        6, 24, 6,
      ]);
    });
  });
});
