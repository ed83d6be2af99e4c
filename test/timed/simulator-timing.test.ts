import { expect, test } from 'vitest';
import { readTiming } from '../../batching/read-timing.js';
import { aloneRequest } from '../../batching/request.js';
import { runLoad } from '../../load/run-load.js';
import { mean } from '../../statistics/summary.js';
import { endpointOf, many, withSimulator } from '../support/simulator.js';

const TIMING = '2xh100:vllm:llama-3.1-70b:fp8';
const [CLIENTS, REQUESTS, TOKENS, PROMPT] = [8, 32, 32, 3];

/** The same closed loop without a clock. */
function simulated(): { ttft: number; tpot: number } {
  const timing = readTiming(TIMING);
  const server = typeof timing === 'string' ? timing : timing(null);
  if (typeof server === 'string') throw new Error(server);
  const started: number[] = [];
  const [firsts, perToken]: number[][] = [[], []];
  const first: number[] = [];
  const count: number[] = [];
  let now = 0;
  const arrive = () => {
    if (started.length < REQUESTS) started[server.arrive(aloneRequest(PROMPT, TOKENS), now)] = now;
  };
  for (let i = 0; i < CLIENTS; i++) arrive();
  for (let step = server.step(); step !== null; step = server.step()) {
    now = step.endSeconds;
    for (const id of step.answered) {
      count[id] = (count[id] ?? 0) + 1;
      if (count[id] === 1) {
        first[id] = now;
        firsts!.push(now - started[id]!);
      }
      if (count[id] === TOKENS) {
        perToken!.push((now - first[id]!) / (TOKENS - 1));
        arrive();
      }
    }
  }
  return { ttft: mean(firsts!), tpot: mean(perToken!) };
}

test('what a load generator measures of a simulated GPU is what the scheduler says', async () => {
  await withSimulator({ timing: TIMING }, async ({ url }) => {
    const { records } = await runLoad({
      endpoint: endpointOf(url),
      requests: many(REQUESTS, TOKENS),
      arrival: { kind: 'closed', concurrency: CLIENTS },
      seed: 1,
      maxSeconds: null,
      maxRequests: null,
    });
    const measured = {
      ttft: mean(records.map(({ firstToken, dispatched }) => firstToken! - dispatched!)),
      tpot: mean(records.map(({ firstToken, lastToken }) => (lastToken! - firstToken!) / (TOKENS - 1))),
    };
    const own = simulated();
    expect(own.tpot).toBeGreaterThan(0.005);
    expect(measured.tpot / own.tpot).toBeGreaterThan(0.9);
    expect(measured.tpot / own.tpot).toBeLessThan(1.3);
    // A client's next request is a moment late for the step that its last token ended: it waits for one more.
    expect(measured.ttft).toBeGreaterThan(0.8 * own.ttft);
    expect(measured.ttft).toBeLessThan(own.ttft + 3 * own.tpot);
  });
}, 60_000);
