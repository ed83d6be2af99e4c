import { describe, expect, test } from 'vitest';
import { loadCurve } from '../../../batching/load-curve.js';
import { predictedServer } from '../../../batching/predicted-server.js';
import { summaryOf } from '../../../batching/run.js';
import { schedulerNamed } from '../../../batching/schedulers/index.js';
import { answerServing, type SimulatedServing } from '../../../batching/serving-answer.js';
import { cacheChart, latencyChart, requestsChart } from '../../../batching/serving-charts.js';
import { serving } from '../../../core/workloads/serving.js';
import { servedFormats } from '../../../roofline/analysis/bits.js';
import { namedArchitecture } from '../../../roofline/configs/index.js';
import { requireHardware } from '../../../roofline/hardware/catalogue.js';
import { isKnown } from '../../../roofline/step/calls-time.js';
import { readEngine } from '../../../roofline/step/engines.js';
import { sound } from '../../support/reading.js';

const device = requireHardware('h100');
const predicted = predictedServer({
  architecture: sound(namedArchitecture('llama-3.1-8b')).architecture,
  formats: servedFormats('native')!,
  device,
  memoryBytes: device.memoryBytes!.value,
  ...readEngine('vllm')!,
  parallelism: { tensor: 1, pipeline: 1, expert: 1 },
  replicas: 1,
  flags: {},
  memoryShare: null,
  host: null,
  own: null,
});

function questionOf(options: Readonly<Record<string, unknown>>, trace: string | null = null) {
  if (!isKnown(predicted)) throw new Error(predicted.join('; '));
  const lengths = { inputTokens: 512, outputTokens: 64, requests: 200 };
  return { options: serving.options.parse({ ...lengths, ...options }), trace, predicted };
}

function answered(options: Readonly<Record<string, unknown>>): SimulatedServing {
  const found = answerServing(questionOf(options));
  if (typeof found === 'string') throw new Error(found);
  return found;
}

describe('answers', () => {
  test('are what records of the run say by the code that judges measured ones', () => {
    const { answer, run } = answered({ arrival: 'poisson', requestsPerSecond: 20 });
    const direct = summaryOf(run);
    for (const part of ['mean', 'p50', 'p95', 'p99'] as const) {
      expect(answer.latencies.ttft[part]!.value).toBeCloseTo(direct.ttft[part], 9);
      expect(answer.latencies.tpot[part]!.value).toBeCloseTo(direct.tpot[part], 9);
      expect(answer.latencies.e2e[part]!.value).toBeCloseTo(direct.endToEnd[part], 9);
    }
  });

  test('of a closed loop have a band as wide as its steps: nothing in it has a clock of its own', () => {
    const { latencies, bandRatio, requestsPerSecond } = answered({ concurrency: 8 }).answer;
    expect(bandRatio).toBeGreaterThan(1.05);
    for (const { p50 } of [latencies.ttft, latencies.tpot, latencies.e2e]) {
      expect(p50!.high! / p50!.value).toBeCloseTo(bandRatio, 6);
      expect(p50!.value / p50!.low).toBeCloseTo(bandRatio, 6);
    }
    expect(requestsPerSecond!.value / requestsPerSecond!.low).toBeCloseTo(bandRatio, 6);
  });

  test('have a rate that the server holds: that of a closed loop which is full', () => {
    const held = answered({ arrival: 'poisson', requestsPerSecond: 5 }).answer.heldPerSecond!.value;
    const full = answered({ concurrency: 700, requests: 6000 }).answer.requestsPerSecond!.value;
    expect(held / full).toBeGreaterThan(0.9);
    expect(held / full).toBeLessThan(1.15);
    expect(answerServing(questionOf({ arrival: 'poisson', requestsPerSecond: 1.01 * held }))).toContain(
      'that this server holds',
    );
  });

  test('have a mean queue: of two requests on one place, the second waits for all of the first', () => {
    if (!isKnown(predicted)) throw new Error(predicted.join('; '));
    const scheduler = schedulerNamed('vllm', { maxNumSeqs: 1, asyncScheduling: false });
    if (typeof scheduler === 'string') throw new Error(scheduler);
    const server = { ...predicted.server, scheduler, requestSeconds: 0 };
    const question = questionOf({ arrival: 'offline', requests: 2 });
    const found = answerServing({ ...question, predicted: { ...predicted, server } });
    if (typeof found === 'string') throw new Error(found);
    expect(found.answer.meanQueued.value).toBeCloseTo(0.5, 2);
    expect(found.answer.mostQueued.value).toBe(2);
  });

  test('a p99 of few requests is none', () => {
    const { latencies } = answered({ concurrency: 4, requests: 50 }).answer;
    expect(latencies.ttft.p95).not.toBeNull();
    expect(latencies.ttft.p99).toBeNull();
  });

  test('a trace that comes faster than it is answered has none', () => {
    const lines = Array.from({ length: 9000 }, (_, i) =>
      JSON.stringify({ timestamp: 5 * i, input_length: 2000, output_length: 40 }),
    );
    const found = answerServing(
      questionOf({ arrival: 'trace', trace: 't', requests: 9000 }, lines.join('\n')),
    );
    expect(found).toContain('does not keep up with the trace');
  });

  test('requests that are refused are counted by reason', () => {
    const { answer } = answered({ concurrency: 2, inputTokens: 'uniform:100..260000', requests: 40 });
    const refused = answer.refusals.reduce((sum, { requests }) => sum + requests, 0);
    expect(refused).toBeGreaterThan(5);
    expect(answer.complete).toBe(40 - refused);
    expect(answer.refusals[0]!.reason).toContain('of the model');
  });
});

describe('curves and charts', () => {
  test('latencies over other rates, with the one that is asked about as it was answered', () => {
    const options = { arrival: 'poisson', requestsPerSecond: 30 };
    const { answer } = answered(options);
    const curve = loadCurve(questionOf(options), answer)!;
    expect(curve.points.find(({ load }) => load === 30)!.answer).toBe(answer);
    const chart = latencyChart(curve, 'time', [['ttft', 'p95', 'TTFT p95']]);
    const { values, band } = chart.lines[0]!;
    expect(values.at(-1)!).toBeGreaterThan(values[0]!);
    // Close to what it holds, slower steps do not hold it: the band has no end there.
    expect(band!.high[0]).not.toBeNull();
    expect(band!.high.at(-1)).toBeNull();
    for (const [i, low] of band!.low.entries()) expect(low!).toBeLessThanOrEqual(values[i]!);
  });

  test('users are doubled up to four times as many; of all at once there is no curve', () => {
    const { answer } = answered({ concurrency: 3 });
    expect(loadCurve(questionOf({ concurrency: 3 }), answer)!.points.map(({ load }) => load)).toEqual([
      1, 2, 3, 4, 8,
    ]);
    const burst = answered({ arrival: 'offline' });
    expect(loadCurve(questionOf({ arrival: 'offline' }), burst.answer)).toBeNull();
  });

  test('queue and cache over time have at most as many places as can be seen', () => {
    const { run } = answered({ arrival: 'offline', requests: 2000 });
    const requests = requestsChart(run);
    expect(requests.x.values.length).toBeLessThanOrEqual(240);
    const [running, queued] = requests.lines.map(({ values }) => values.map(Number));
    expect(Math.max(...running!)).toBeGreaterThan(500);
    expect(queued!.at(-1)).toBe(0);
    const shares = cacheChart(run, 442_368).lines[0]!.values.map(Number);
    expect(Math.max(...shares)).toBeLessThanOrEqual(1);
  });
});
