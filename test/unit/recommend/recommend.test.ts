import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { deploymentText } from '../../../cli/recommend/deploy/deployment.js';
import { answer } from '../../../cli/recommend/recommend.js';
import type { ResultRecord } from '../../../core/result/result.js';
import { warn } from '../../../core/result/warnings.js';
import { buildReport } from '../../../report/build.js';
import { atLoad } from '../../../report/recommend/at-load.js';
import { measured, type PriceList } from '../../../report/recommend/candidate.js';
import { chanceOf, type Figure } from '../../../report/recommend/figure.js';
import { predicted } from '../../../report/recommend/predicted.js';
import { type Bound, type Role, readAim, readBound, readLoad } from '../../../report/recommend/question.js';
import { recommendationData, recommendationText } from '../../../report/recommend/text.js';
import { experiment } from '../../support/bench.js';
import { experimentOf } from '../../support/experiments.js';
import { sound } from '../../support/reading.js';
import { completeTrial, failedTrial } from '../../support/records.js';
import { servedTrial } from '../../support/served-records.js';

const bound = (text: string, role: Role = 'slo'): Bound => {
  return sound(readBound(text, role)).value;
};
const ask = (given: Partial<Parameters<typeof answer>[1]> = {}) =>
  ({ slo: [], budget: [], floor: [], relativeTo: 'unquantized', confidence: 0.95, ...given }) as const;
const candidates = (records: readonly ResultRecord[], prices: PriceList | null = null) =>
  buildReport(records, { sweepName: 's', objectives: [] }).rows.map((row) => measured(row, prices));
/** A row at so many users, `starts` times; each start a little slower than the one before. */
const served = (concurrency: number, options: Parameters<typeof servedTrial>[0] = {}, starts = 3) =>
  Array.from({ length: starts }, (_, i) => {
    const ttft = (options.ttft ?? 0.05) * (1 + i / 100);
    const record = servedTrial({ requests: 60, ...options, concurrency, attempt: i + 1, ttft });
    const experimentId = `x${concurrency}${options.quantization ?? ''}`;
    return { ...record, experimentId, experiment: { ...record.experiment, id: experimentId } };
  });

describe('words of bounds', () => {
  test('a metric by its name, its heading, or a percentile of requests, with a unit behind the number', () => {
    const read = (text: string, role: Role = 'slo') => {
      const { quantity, side, limit } = bound(text, role);
      const { kind } = quantity;
      return [
        kind === 'metric' ? quantity.metric.name : kind,
        side,
        limit.kind === 'absolute' ? limit.value : limit.by,
      ];
    };
    expect(read('scheduledTimeToFirstTokenP90Seconds<0.2')).toEqual([
      'scheduledTimeToFirstTokenP90Seconds',
      'max',
      0.2,
    ]);
    expect(read('ttftP90Seconds<=200ms')).toEqual(['scheduledTimeToFirstTokenP90Seconds', 'max', 0.2]);
    expect(read('decode > 1k')).toEqual(['decodeTokensPerSecond', 'min', 1000]);
    expect(read('ttft:p95<200ms')).toEqual(['requests', 'max', 0.2]);
    expect(read('memory<4GiB')).toEqual(['memory', 'max', 2 ** 32]);
    expect(read('taskScoreRatio>=60%')).toEqual(['taskScoreRatio', 'min', 0.6]);
    expect(read('perplexity:+2%', 'floor')).toEqual(['perplexity', 'max', 0.02]);
  });

  test('what is none is said in a sentence', () => {
    const said = (text: string, role: Role = 'slo') => {
      const reading = readBound(text, role);
      return reading.ok ? '' : reading.message;
    };
    expect(said('decodeTokensPerSecnd>3')).toMatch(/did you mean decodeTokensPerSecond\?/);
    expect(said('ttft:p95')).toMatch(/is no bound: write a metric, < or >, and a limit/);
    expect(said('tft:p95<1s')).toMatch(/is no latency of requests: there are ttft, ttfa, tpot, e2e/);
    expect(said('ttft:p95<1MB')).toMatch(/"MB" is no unit of ttft:p95: there are us, µs, ms, s, min, h/);
    expect(said('memory<much')).toMatch(/is no number/);
    expect(readAim('clockHertz')).toMatchObject({
      ok: false,
      message: /write clockHertz:max or clockHertz:min/,
    });
    expect(readLoad('concurrency')).toMatch(/is no load/);
  });
});

describe('chances', () => {
  const figure = (value: number, interval: readonly [number, number] | null): Figure => ({
    value,
    interval,
    exact: false,
    reason: null,
  });
  const limit = (value: number): Figure => ({ value, interval: null, exact: true, reason: null });

  test('follow from the interval, on a scale of ratios', () => {
    const half = figure(1, [1 / 1.2, 1.2]);
    expect(chanceOf(half, limit(1), 'max')).toBeCloseTo(0.5);
    expect(chanceOf(half, limit(1.2), 'max')).toBeCloseTo(0.975);
    expect(chanceOf(half, limit(1.2), 'min')).toBeCloseTo(0.025);
    expect(chanceOf(figure(1, null), limit(2), 'max')).toBeNull();
  });
});

describe('recommendation among measured rows', () => {
  // 1, 4 and 8 users, of two weights: TTFT 50, 65 and 85 ms; the smaller weights are twice as fast in
  // everything.
  const records = [
    ...[1, 4, 8].flatMap((users) => served(users, { quantization: 'f16' })),
    ...[1, 4, 8].flatMap((users) => served(users, { quantization: 'q4_k_m', ttft: 0.025, tpot: 0.005 })),
  ];
  const rows = candidates(records);

  test('is the row of most tokens that surely keeps the bounds, and says what is out and why', () => {
    const found = answer(rows, ask({ slo: [bound('ttft:p90<70ms'), bound('tpot:p90<50ms')] }));
    expect(found.recommended?.candidate.axes).toMatchObject({ concurrency: 8, quantization: 'q4_k_m' });
    expect(found.sure).toBe(true);
    expect(found.recommended?.chance).toBeGreaterThan(0.99);
    expect(found.runnerUp?.judged.candidate.axes).toMatchObject({ concurrency: 4, quantization: 'q4_k_m' });
    expect(found.runnerUp?.why).toMatch(/^systemTokensPerSecond \d+ % lower$/);
    expect(found.excluded).toEqual([{ reason: 'misses ttft:p90<70ms', rows: 1, alone: 1 }]);
    expect([found.considered, found.meeting]).toEqual([6, 5]);
    const text = recommendationText(found, null);
    expect(text).toMatch(/^recommended: row 6 .*systemTokensPerSecond .* t\/s \(measured\)$/m);
    expect(text).toMatch(/out: 1: misses ttft:p90<70ms/);
    expect(recommendationData(found)).toMatchObject({
      schema: 'ridgepoint.dev/recommendation/v1',
      recommended: { row: 6, bounds: [{ bound: 'ttft:p90<70ms', meets: true }, { meets: true }] },
    });
  });

  test('a faster row whose interval crosses the bound comes second, and that is why', () => {
    const wide = served(8, { quantization: 'q4_k_m', ttft: 0.025, tpot: 0.005 }).map((record, i) =>
      i > 0 ? record : { ...served(8, { quantization: 'q4_k_m', ttft: 0.037, tpot: 0.005 }, 1)[0]! },
    );
    const open = candidates([...records.slice(0, 15), ...wide]);
    const found = answer(open, ask({ slo: [bound('ttft:p90<75ms')] }));
    expect(found.recommended?.candidate.axes).toMatchObject({ concurrency: 4, quantization: 'q4_k_m' });
    expect(found.runnerUp?.judged.candidate.axes).toMatchObject({ concurrency: 8 });
    expect(found.runnerUp?.why).toMatch(/higher, but it keeps ttft:p90<75ms with [\d.]+ % only$/);
  });

  test('nothing keeps it: the nearest, with the bound that it misses and by how much', () => {
    const found = answer(rows, ask({ slo: [bound('ttft:p90<20ms')] }));
    expect(found.recommended).toBeNull();
    expect(found.nearest?.candidate.axes).toMatchObject({ concurrency: 1, quantization: 'q4_k_m' });
    expect(recommendationText(found, null)).toMatch(/ttft:p90<20ms: missed by 3\d %/);
  });

  test('the slo of the sweep is taken where none is given', () => {
    const own = candidates([1, 4].flatMap((users) => served(users, { slo: 'ttft:p90<=60ms' })));
    const found = answer(own, ask());
    expect(found.question.bounds.map(({ text }) => text)).toEqual(['ttft:p90<=60ms']);
    expect(found.recommended?.candidate.axes.concurrency).toBe(1);
  });

  test('a load between two that were measured is read off the chord; beyond them nothing is said', () => {
    const at = (users: number) => atLoad(rows, new Map([['concurrency', users]]));
    const [six] = at(6);
    const ttft = bound('ttft:p90<1s').quantity;
    const [four, eight] = [4, 8].map((users) => at(users)[0]!.figure(ttft).value!);
    expect(at(6).length).toBe(2);
    expect(six!.from).toBe('between');
    expect(six!.figure(ttft).value).toBeCloseTo((four! + eight!) / 2);
    const beyond = answer(at(9), ask());
    expect(beyond.recommended).toBeNull();
    expect(beyond.excluded[0]).toMatchObject({
      rows: 2,
      reason: 'concurrency=9 is beyond what was measured (1 to 8)',
    });
  });

  test('what failed or is invalid is out by its reason, and rows of one start say that nobody knows how sure they are', () => {
    const some = [
      ...served(1, {}, 1),
      { ...servedTrial({ concurrency: 4 }), warnings: [warn('provider-fallback', 'x')], valid: false },
      failedTrial({ experiment: experimentOf({ threads: 8 }) }),
    ];
    const found = answer(candidates(some), ask({ slo: [bound('requestTimePerOutputTokenP90Seconds<1')] }));
    expect(found.recommended?.chance).toBeNull();
    expect(found.sure).toBe(false);
    expect(found.excluded.map(({ reason }) => reason)).toEqual(
      expect.arrayContaining(['invalid: provider-fallback', expect.stringMatching(/^failed: /)]),
    );
    expect(recommendationText(found, null)).toMatch(/how sure is not known: one start/);
  });
});

describe('floors and budgets', () => {
  const row = (quantization: string, perplexity: number, ratio: number | null, tokens: number) => {
    const record = completeTrial({ experiment: experimentOf({ quantization }) });
    const entry = (value: number, interval: [number, number]) => ({
      ...record.measurements.decodeTokensPerSecond!,
      value,
      ci95: interval,
      unit: 'ratio',
    });
    record.measurements.perplexity = entry(perplexity, [perplexity * 0.8, perplexity * 1.2]) as never;
    record.measurements.decodeTokensPerSecond = entry(tokens, [tokens * 0.99, tokens * 1.01]) as never;
    if (ratio !== null)
      record.measurements.perplexityRatio = entry(ratio, [ratio - 0.001, ratio + 0.001]) as never;
    return record;
  };

  test('a relative floor is held against the published weights, by what was asked of both on the same text', () => {
    const found = answer(
      candidates([row('f16', 10, 1, 100), row('q8_0', 10.05, 1.005, 150), row('q2_k', 13, 1.3, 300)]),
      ask({ floor: [bound('perplexity:+2%', 'floor')] }),
    );
    expect(found.recommended?.candidate.axes.quantization).toBe('q8_0');
    expect(found.recommended?.chance).toBeGreaterThan(0.99);
    expect(recommendationText(found, null)).toMatch(
      /perplexity:\+2% \(limit 1\.02\): perplexityRatio 1\.005/,
    );
  });

  test('without a pair both errors count, and without such weights the best row is the reference', () => {
    const found = answer(
      candidates([row('q8_0', 10, null, 150), row('q4_k_m', 10.1, null, 200)]),
      ask({ floor: [bound('perplexity:+2%', 'floor')] }),
    );
    expect(found.recommended?.candidate.axes.quantization).toBe('q8_0');
    expect(found.runnerUp?.why).toMatch(/but it keeps perplexity:\+2% with \d/);
    expect(found.notes[0]).toMatch(/no row of .* has weights as they were published/);
  });

  test('cost is that of a million output tokens by the price list', () => {
    const prices: PriceList = { currency: 'EUR', costOf: (_names, { seconds }) => (seconds! / 3600) * 2 };
    const rows = candidates([row('f16', 10, 1, 100), row('q8_0', 10.05, 1, 1000)], prices);
    const found = answer(rows, ask({ budget: [bound('cost<1', 'budget')] }));
    expect(found.recommended?.verdicts[0]?.figure.value).toBeCloseTo((1000 / 3600) * 2);
    expect(found.excluded[0]).toMatchObject({ reason: 'misses cost<1', rows: 1 });
  });
});

describe('what deploys it', () => {
  const judged = (records: readonly ResultRecord[]) => answer(candidates(records), ask()).recommended!;
  const inProcess = completeTrial({
    experiment: experimentOf({
      quantization: 'q4_k_m',
      threads: 3,
      parallel: 2,
      promptTokens: 100,
      generateTokens: 28,
    }),
  });

  test('llama.cpp in the process becomes llama-server with the same options', () => {
    const { text, notes } = deploymentText(judged([inProcess]), 'llama-server', {});
    expect(text).toMatch(/^llama-server --host 127\.0\.0\.1 --port 8000 --model \S+q4_k_m\.gguf /);
    for (const words of [
      '--threads 3',
      '--parallel 2',
      '--ctx-size 256',
      '--cache-type-k f16',
      '--gpu-layers 0',
    ])
      expect(text).toContain(words);
    expect(notes.join('\n')).toMatch(/ridge quantize \S+ \S+\.gguf --type q4_k_m/);
  });

  test('a manifest of two documents that belong together', () => {
    const { text } = deploymentText(judged([inProcess]), 'kubernetes', { port: 9000 });
    const [deployment, service] = parseAllDocuments(text).map((one) => one.toJS());
    const [container] = deployment.spec.template.spec.containers;
    expect(container.args).toEqual(expect.arrayContaining(['0.0.0.0', '9000', '--ctx-size', '256']));
    expect(container.resources.requests.cpu).toBe('3');
    expect(service.spec.selector).toEqual(deployment.spec.selector.matchLabels);
    expect(container.ports[0]).toEqual({ name: 'http', containerPort: 9000 });
  });

  test('vLLM as a command and as values of its chart; another server refuses', () => {
    const record = completeTrial({
      experiment: {
        ...experimentOf(),
        ...experiment({
          model: { name: 'chat', source: 'hf:org/chat', digest: null, facts: null },
          runner: { kind: 'vllm', options: { maxSequences: 8, prefixCaching: true, threads: null } },
          workload: { kind: 'latency', options: { promptTokens: 16, generateTokens: 8, parallel: 1 } },
          device: 'cuda',
        }),
      },
    });
    expect(deploymentText(judged([record]), 'vllm', {}).text).toBe(
      'HF_HUB_OFFLINE=1 VLLM_NO_USAGE_STATS=1 vllm serve org/chat --host 127.0.0.1 --port 8000 --served-model-name chat --disable-uvicorn-access-log --enable-prompt-tokens-details --max-num-seqs 8 --enable-prefix-caching',
    );
    const [spec] = parse(deploymentText(judged([record]), 'helm', {}).text).servingEngineSpec.modelSpec;
    expect(spec).toMatchObject({ modelURL: 'org/chat', requestGPU: 1 });
    expect(spec.vllmConfig.extraArgs).toEqual(expect.arrayContaining(['--max-num-seqs', '8']));
    expect(spec.vllmConfig.extraArgs).not.toContain('--host');
    expect(() => deploymentText(judged([record]), 'sglang', {})).toThrow(/was measured on vllm/);
    expect(() => deploymentText(judged([inProcess]), 'helm', {})).toThrow(/no Helm chart of llama-server/);
  });

  const forged = (given: { source?: string; name?: string; options?: Record<string, string | number> }) => {
    const { source = 'hf:org/chat', name = 'chat', options = {} } = given;
    return completeTrial({
      experiment: {
        ...experimentOf(),
        ...experiment({
          model: { name, source, digest: null, facts: null },
          runner: { kind: 'vllm', options },
          device: 'cuda',
        }),
      },
    });
  };
  const command = (given: Parameters<typeof forged>[0]) =>
    deploymentText(judged([forged(given)]), 'command', {}).text;
  /** The words that bash makes of it. */
  const words = (text: string) =>
    execFileSync('bash', ['-c', `printf '%s\\0' ${text.replace(/^(?:\w+=\S+ )*/, '')}`], { encoding: 'utf8' })
      .split('\0')
      .slice(0, -1);

  test('a source is one word of a shell, whatever is in it', () => {
    for (const name of ['{m,--trust-remote-code}', 'a$(id)', 'a b', '~', "it's", '!x', '=ls'])
      expect(words(command({ source: `hf:org/${name}` }))[2]).toBe(`org/${name}`);
  });

  test('no word of a record becomes an option', () => {
    expect(words(command({ source: '--trust-remote-code' }))[2]).toBe('./--trust-remote-code');
    expect(words(command({ source: 'hf:--a/b' }))[2]).toBe('./--a/b');
    expect(() => command({ name: '--trust-remote-code' })).toThrow(/begins with a dash/);
    expect(() => command({ options: { quantizationMethod: '--trust-remote-code' } })).toThrow(
      /is not deployed: vllm has no quantizationMethod "--trust-remote-code"/,
    );
    const { notes } = deploymentText(judged([inProcess]), 'llama-server', {});
    expect(notes.join('\n')).not.toMatch(/ridge quantize -/);
  });

  test('what a terminal does not show is in nothing that is pasted', () => {
    for (const name of ['chat\u001b[2K', 'chat\u202e', 'chat\nrm', 'chat\u009b8m'])
      for (const target of ['command', 'kubernetes', 'helm'])
        expect(() => deploymentText(judged([forged({ name })]), target, {}), target).toThrow(
          /control characters/,
        );
  });

  test('a name is no variable of a container', () => {
    const { text } = deploymentText(judged([forged({ name: '$(HF_TOKEN)' })]), 'kubernetes', {});
    const [workload] = parseAllDocuments(text).map((one) => one.toJS());
    expect(workload.spec.template.spec.containers[0].args).toContain('$$(HF_TOKEN)');
  });
});

test('a prediction has rates, times and memory with their band, and no quality', () => {
  const phases = [
    { name: 'prefill', tokens: 64, seconds: 0.1, errorRatio: 1.1 },
    { name: 'decode', tokens: 32, seconds: 0.4, errorRatio: 1.2 },
  ];
  const point = (over: object = {}) =>
    predicted({
      number: 0,
      label: 'p',
      experiment: experimentOf(),
      axes: {},
      phases,
      simulated: null,
      memoryBytes: 1e9,
      ...over,
    });
  const found = answer(
    [point(), point({ phases: 'no roofs' })],
    ask({ slo: [bound('TTFT<0.2')], budget: [bound('memory<2GB')] }),
  );
  expect(found.recommended?.aim).toMatchObject({ value: 80, interval: [80 / 1.2, 96] });
  expect(found.recommended?.chance).toBeGreaterThan(0.99);
  expect(found.excluded).toEqual([{ reason: 'not predicted: no roofs', rows: 1, alone: 1 }]);
  const floor = answer([point()], ask({ floor: [bound('perplexity<20', 'floor')] }));
  expect(floor.excluded[0]?.reason).toBe('perplexity<20: no perplexity: it is not predicted');
});
