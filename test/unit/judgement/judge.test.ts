import { describe, expect, test } from 'vitest';
import { recompute } from '../../../batching/judge.js';
import { METRIC_NAMES, metricNamed } from '../../../core/metrics/catalogue.js';
import { isPresent, resultSchema } from '../../../core/result/result.js';
import { gradeOf, warn } from '../../../core/result/warnings.js';
import { codes, judged, measured, reason, value, withPolicy } from './reading.js';
import {
  CALM_OUTCOME,
  calmInput,
  experiment,
  joulesAt,
  phasesOf,
  recordOf,
  sampled,
  samplesWith,
  TRUTH,
} from './trace.js';

describe('a calm trial', () => {
  const result = judged();

  test('is valid and gives every metric but those of training, single ops, graphs and servers a number in its unit', () => {
    expect(result.warnings).toEqual([]);
    expect(result.valid).toBe(true);
    expect(Object.keys(result.measurements).sort()).toEqual([...METRIC_NAMES].sort());
    const training = METRIC_NAMES.filter((name) => reason(result, name) === 'the workload does not train');
    expect(training).toHaveLength(20);
    const ops = METRIC_NAMES.filter((name) => reason(result, name) === 'the workload runs no single op');
    expect(ops).toHaveLength(5);
    const graphs = METRIC_NAMES.filter(
      (name) => reason(result, name) === 'the workload runs no graph of tensors',
    );
    expect(graphs).toHaveLength(7);
    const applications = METRIC_NAMES.filter(
      (name) => reason(result, name) === 'the workload runs no request graph',
    );
    expect(applications).toHaveLength(12);
    const served = METRIC_NAMES.filter((name) => reason(result, name) === 'the workload asks no server');
    expect(served).toHaveLength(40);
    const drafts = METRIC_NAMES.filter((name) => reason(result, name) === 'the workload drafts nothing');
    expect(drafts).toHaveLength(9);
    for (const name of METRIC_NAMES.filter(
      (one) => ![...training, ...ops, ...graphs, ...applications, ...drafts, ...served].includes(one),
    )) {
      expect(measured(result, name).unit).toBe(metricNamed(name)!.unit);
    }
  });

  test('rates and latencies', () => {
    expect(value(result, 'prefillTokensPerSecond')).toBeCloseTo(512, 9);
    expect(value(result, 'decodeTokensPerSecond')).toBeCloseTo(64, 9);
    expect(value(result, 'timeToFirstTokenSeconds')).toBeCloseTo(2, 12);
    expect(value(result, 'timePerOutputTokenSeconds')).toBeCloseTo(4 / 256, 12);
    expect(value(result, 'interTokenLatencyP99Seconds')).toBeCloseTo(4 / 256, 12);
    expect(measured(result, 'interTokenLatencyP50Seconds').n).toBe(TRUTH.repeats * TRUTH.outputTokens);
    expect(value(result, 'loadSeconds')).toBe(1);
    expect(measured(result, 'decodeTokensPerSecond')).toMatchObject({ n: 5 });
    expect(measured(result, 'decodeTokensPerSecond').samples).toHaveLength(5);
  });

  test('a replayed trace of known power gives its exact joules', () => {
    expect(value(result, 'prefillEnergyJoules')).toBeCloseTo(400, 8);
    expect(value(result, 'decodeEnergyJoules')).toBeCloseTo(480, 8);
    expect(value(result, 'energyJoules')).toBeCloseTo(880, 8);
    expect(value(result, 'energyNetJoules')).toBeCloseTo(880 - 50 * 6, 8);
    expect(value(result, 'energyPerOutputTokenJoules')).toBeCloseTo(880 / 256, 8);
    expect(value(result, 'energyPerTotalTokenJoules')).toBeCloseTo(880 / 1280, 8);
    expect(value(result, 'tokensPerJoule')).toBeCloseTo(256 / 880, 8);
    expect(value(result, 'energyDelayProductJouleSeconds')).toBeCloseTo(880 * 6, 6);
    expect(value(result, 'averagePowerWatts')).toBeCloseTo(880 / 6, 8);
    expect(value(result, 'idlePowerWatts')).toBe(50);
    expect(measured(result, 'energyJoules')).toMatchObject({ source: 'counter:gpu', n: 5 });
    expect(measured(result, 'energyIntegralJoules').source).toBe('integral:gpu');
    expect(Math.abs(value(result, 'energyIntegralDifferenceRatio'))).toBeLessThan(0.02);
  });

  test('machine, memory and sizes', () => {
    expect(value(result, 'processCores')).toBeCloseTo(1, 9);
    expect(value(result, 'systemBusyRatio')).toBeCloseTo(1.1 / 4, 9);
    expect(value(result, 'foreignCores')).toBeCloseTo(0.1, 9);
    expect(value(result, 'stealRatio')).toBe(0);
    expect(value(result, 'clockHertz')).toBeCloseTo(1.7e9, 0);
    expect(value(result, 'deviceMemoryPeakBytes')).toBe(1.5e9);
    expect(measured(result, 'peakResidentBytes')).toMatchObject({ value: 2e8, source: 'kernel' });
    expect(value(result, 'bitsPerWeight')).toBe(8.5);
    expect(value(result, 'compressionRatio')).toBeCloseTo(16 / 8.5, 12);
  });

  test('loading is timed by its own phase, wherever it stands', () => {
    expect(value(judged({ phases: phasesOf().toReversed() }), 'loadSeconds')).toBe(1);
  });

  test('of a tree of processes the peak is the largest sum that was read', () => {
    const peakOf = (kernel: number | null) =>
      measured(
        judged({
          samples: samplesWith({
            processPeakResidentBytes: kernel === null ? null : () => kernel,
            processResidentBytes: (t) => (t > 5 && t < 6 ? 3e8 : 2e8),
          }),
        }),
        'peakResidentBytes',
      );
    expect(peakOf(null)).toMatchObject({ value: 3e8, source: 'sampled' });
    expect(peakOf(1e8)).toMatchObject({ value: 3e8, source: 'sampled' });
    expect(peakOf(4e8)).toMatchObject({ value: 4e8, source: 'kernel' });
  });

  test('bits of a weight need both the bytes and the number of weights', () => {
    const facts = {
      modelBytes: 8_500_000,
      parameters: 8_000_000,
      kvCacheBytes: null,
      adapterLoadSeconds: null,
    };
    expect(value(judged({ facts }), 'bitsPerWeight')).toBe(8.5);
    for (const unknown of [{ modelBytes: null }, { parameters: null }])
      expect(reason(judged({ facts: { ...facts, ...unknown } }), 'bitsPerWeight')).not.toMatch(/^present/);
  });

  test('what was made and what its answers are worth', () => {
    expect(value(result, 'makeSeconds')).toBe(4);
    expect(value(result, 'weightSparsityRatio')).toBe(0.5);
    expect(value(result, 'perplexity')).toBe(9);
    expect(measured(result, 'perplexity').ci95![1]).toBeCloseTo(9 + 0.196, 5);
    expect(value(result, 'perplexityRatio')).toBe(9 / 8);
    expect(value(result, 'klDivergenceNats')).toBe(0.01);
    expect(value(result, 'topAgreementRatio')).toBe(0.95);
    expect(value(result, 'taskScoreRatio')).toBe(0.75);
    expect(value(result, 'taskRetentionRatio')).toBe(0.75);
  });

  test("EfficientLLM's six, from real bytes", () => {
    // In the 6 s of each repeat: 2 and 4 s; 256 tokens; on the device 1 GB but for one second of 1.5 GB.
    expect(value(result, 'averageLatencySeconds')).toBeCloseTo(6, 9);
    expect(value(result, 'outputTokensPerSecond')).toBeCloseTo(256 / 6, 9);
    expect(value(result, 'averageMemoryBytes')).toBeGreaterThan(1e9);
    expect(value(result, 'averagePowerWatts')).toBeCloseTo(880 / 6, 8);
    expect(value(result, 'averageUtilizationRatio')).toBeCloseTo(0.8, 12);
    // 16 MB came down to 8.5 MB and 0.63 MB of adapters beside them, and three quarters of the score are
    // left.
    expect(value(result, 'modelCompressionRate')).toBeCloseTo((16 / (8.5 + 0.63)) * 0.75, 12);
    expect(value(result, 'compressionRatio')).toBeCloseTo(16 / 8.5, 12);
  });

  test('a compression rate that is missing says what was not asked for, before what is not known', () => {
    const { text, tasks, ...rest } = calmInput().quality!;
    const alone = text === null ? null : { ...text, againstBase: null };
    const why = (changes: Parameters<typeof judged>[0]) => reason(judged(changes), 'modelCompressionRate');
    expect(why({ quality: null })).toBe('the sweep asks for no quality');
    expect(why({ quality: null, baseBytes: null })).toBe('the sweep asks for no quality');
    expect(why({ quality: null, absent: { quality: 'the engine crashed' } })).toBe('the engine crashed');
    const noBase = 'the model was not compared with its base';
    expect(why({ quality: { ...rest, text: alone, tasks: [] } })).toBe(noBase);
    const unheld = tasks.map((task) => ({
      ...task,
      scores: task.scores.map((score) => ({ ...score, base: null, retentionPercent: null })),
    }));
    expect(why({ quality: { ...rest, text: null, tasks: unheld } })).toBe(noBase);
    expect(why({ baseBytes: null })).toBe('the weight bytes of the base file are not known');
  });
});

describe('gates', () => {
  test('CPUs that the host moved apart disturb the row of several threads; one thread waits for no other', () => {
    const apart = samplesWith({ coreLatencyRatio: () => 5 });
    expect(codes(judged({ samples: apart }))).toEqual(['distant-cores']);
    const { runner } = experiment;
    const alone = { ...experiment, runner: { ...runner, options: { ...runner.options, threads: 1 } } };
    expect(codes(judged({ samples: apart, experiment: alone }))).toEqual([]);
  });

  test('a foreign process disturbs the row, and voids it under strict gates; the agent itself and rounding do neither', () => {
    const busy = judged({ samples: samplesWith({ systemBusyCpuSeconds: (t) => 1.5 * t }) });
    expect(codes(busy)).toEqual(['foreign-process']);
    expect(busy.valid).toBe(true);
    const strict = judged({
      ...withPolicy({ gates: 'strict' }),
      samples: samplesWith({ systemBusyCpuSeconds: (t) => 1.5 * t }),
    });
    expect(strict.warnings).toEqual(busy.warnings);
    expect(strict.valid).toBe(false);
    expect(busy.warnings[0]!.message).toMatch(/0\.45 cores/);
    const agent = judged({
      samples: samplesWith({ systemBusyCpuSeconds: (t) => 1.5 * t, agentCpuSeconds: (t) => 0.4 * t }),
    });
    expect(agent.warnings).toEqual([]);
  });

  test('ticks of 10 ms cannot fire a gate over a very short trial', () => {
    // 60 ms measured in all; every counter jumps by whole ticks: busy and steal look like a full core.
    const phases = [
      { name: 'prefill' as const, repeat: 0, startSeconds: 1, endSeconds: 1.03, tokens: 10 },
      { name: 'decode' as const, repeat: 0, startSeconds: 1.03, endSeconds: 1.06, tokens: 10 },
    ];
    const fast = (quantity: string, after: number) => ({
      ...sampled(quantity, 'counter', (t) => (t >= 1.05 ? after : 0), phases),
      periodSeconds: 0.1,
    });
    const result = judged({
      phases,
      samples: [
        fast('systemBusyCpuSeconds', 0.11),
        fast('processCpuSeconds', 0.01),
        fast('systemStealCpuSeconds', 0.01),
        fast('systemTotalCpuSeconds', 0.16),
      ],
    });
    expect(codes(result)).not.toContain('foreign-process');
    expect(codes(result)).not.toContain('cpu-steal');
  });

  test('stolen time', () => {
    const result = judged({ samples: samplesWith({ systemStealCpuSeconds: (t) => 0.2 * t }) });
    expect(codes(result)).toEqual(['cpu-steal']);
    expect(value(result, 'stealRatio')).toBeCloseTo(0.05, 9);
    expect(gradeOf(result.warnings, 'warn')).toBe('disturbed');
  });

  test('throttling, by its bits, only while measuring', () => {
    const thermal = judged({
      samples: samplesWith({ throttleReasons: (t) => (t > 10 && t < 12 ? 0x40 : 0) }),
    });
    expect(codes(thermal)).toEqual(['thermal-throttle']);
    expect(gradeOf(thermal.warnings, 'warn')).toBe('disturbed');
    const power = judged({ samples: samplesWith({ throttleReasons: () => 0x80 | 8 }) });
    expect(codes(power)).toEqual(['power-throttle']);
    expect(gradeOf(power.warnings, 'warn')).toBe('disturbed');
    expect(
      judged({ samples: samplesWith({ throttleReasons: (t) => (t < 2.9 ? 0x40 : 1) }) }).warnings,
    ).toEqual([]);
  });

  const settings = (watts: number | null, hertz: number | null) => ({
    experiment: {
      ...calmInput().experiment,
      settings: { powerCapWatts: watts, lockedClockHertz: hertz },
    },
  });

  test('a power cap is a note with its share of time, and nothing where the sweep set it; a brake or heat under it disturbs', () => {
    const capped = (mask: number, watts: number | null = 300) =>
      codes(judged({ ...settings(watts, 1.7e9), samples: samplesWith({ throttleReasons: () => mask }) }));
    expect(capped(4)).toEqual([]);
    expect(capped(4, null)).toEqual(['power-cap']);
    const half = judged({ samples: samplesWith({ throttleReasons: (t) => (t < 10 ? 4 : 0) }) });
    expect(half.warnings[0]!.message).toMatch(
      /^software power cap in \d\d % of the time while measuring \(\d+ of \d+ readings\)$/,
    );
    expect(gradeOf(half.warnings, 'strict')).toBe('clean');
    expect(capped(4 | 0x80)).toEqual(['power-throttle']);
    expect(capped(4 | 0x40)).toEqual(['thermal-throttle']);
  });

  test('a locked clock that was not held makes a row invalid', () => {
    const locked = (hertz: number, watts: number | null = null) => judged(settings(watts, hertz));
    expect(locked(1.71e9).warnings).toEqual([]);
    const missed = locked(1.9e9);
    expect(missed.valid).toBe(false);
    expect(missed.warnings).toEqual([
      expect.objectContaining({
        code: 'setting-not-held',
        message: 'the sweep locked the clock at 1900 MHz and the median of deviceClockHertz is 1700 MHz',
      }),
    ]);
    // A cap beside it may be what slows it down, and nothing makes it faster.
    expect(locked(1.9e9, 300).warnings).toEqual([]);
    expect(codes(locked(1.5e9, 300))).toEqual(['setting-not-held']);
  });

  test('a clock that moves between repeats is noted', () => {
    const result = judged({ samples: samplesWith({ deviceClockHertz: (t) => (t < 15 ? 1.98e9 : 1.7e9) }) });
    expect(codes(result)).toEqual(['clock-change']);
    expect(result.valid).toBe(true);
  });

  test('spread and trend; a single repeat that stands out does not move the median', () => {
    const wild = judged({ phases: phasesOf((r) => (r % 2 === 0 ? 1 : 1.5)), samples: [] });
    expect(codes(wild)).toEqual(['high-spread', 'high-spread']);
    expect(gradeOf(wild.warnings, 'warn')).toBe('disturbed');
    // The same spread over so many repeats leaves their median certain.
    const many = judged({ phases: phasesOf((r) => (r % 2 === 0 ? 1 : 1.5), 40), samples: [] });
    expect(many.warnings).toEqual([]);
    const odd = judged({ phases: phasesOf((r) => (r === 3 ? 1.15 : 1 + r / 1000)), samples: [] });
    expect(odd.warnings).toEqual([]);
    const falling = judged({ phases: phasesOf((r) => 1 + r / 100, 10), samples: [] });
    expect(codes(falling)).toEqual(['drift-trend', 'drift-trend']);
    expect(gradeOf(falling.warnings, 'warn')).toBe('disturbed');
    expect(falling.warnings[0]!.message).toMatch(/prefill t\/s fall by 8\.\d %/);
    // Five in a row happen by accident once in sixty.
    const short = judged({ phases: phasesOf((r) => 1 + r / 100), samples: [] });
    expect(short.warnings).toEqual([]);
    const barely = judged({ phases: phasesOf((r) => 1 + r / 10_000), samples: [] });
    expect(barely.warnings).toEqual([]);
  });

  test('more threads than cores are noted; how far a start came is the matter of its row', () => {
    const result = judged({
      outcome: { ...CALM_OUTCOME, repeats: 2, warmupSettled: false, stop: 'time-budget', halfWidth: 0.08 },
      experiment: { ...experiment, runner: { kind: 'llama-cpp', options: { threads: 9 } } },
    });
    expect(codes(result)).toEqual(['oversubscribed']);
    expect(result.valid).toBe(true);
  });

  test("others' warnings count and stay in front", () => {
    const foreign = warn('foreign-process', 'pid 77 uses the device');
    const result = judged({ warnings: [foreign] });
    expect(result.warnings).toEqual([foreign]);
    expect(gradeOf(result.warnings, 'warn')).toBe('disturbed');
  });

  test('processes of others on the device are counted, with how often they were seen', () => {
    const after = (count: number) =>
      judged({ samples: samplesWith({ otherDeviceProcesses: (t) => (t > 5 ? count : 0) }) });
    const said = (count: number) =>
      after(count).warnings.find(({ code }) => code === 'foreign-process')?.message;
    expect(said(0)).toBeUndefined();
    expect(said(1)).toMatch(/^another process computed on the device in \d+ of \d+ readings$/);
    const [, seen, all] = /^3 other processes computed on the device in (\d+) of (\d+) readings$/.exec(
      said(3)!,
    )!;
    // From the second repeat on, of repeats of 7 s from the third second on.
    expect(Number(seen) / Number(all)).toBeCloseTo(32 / 34, 1);
  });

  test('a clock that went backwards is a fault', () => {
    const phases = phasesOf().map((phase) =>
      phase.name === 'decode' && phase.repeat === 2
        ? { ...phase, endSeconds: phase.startSeconds - 0.5 }
        : phase,
    );
    const back = judged({ phases });
    expect(back.warnings).toContainEqual(
      expect.objectContaining({
        code: 'clock-backwards',
        message: 'decode of repeat 3 ended 0.50 s before it began',
      }),
    );
    expect(back.valid).toBe(false);
    const step = judged({ tokenSeconds: [[0.01, -0.001]] });
    expect(codes(step)).toContain('clock-backwards');
  });
});

describe('what is missing', () => {
  test('meters off: times and sizes stay, the rest says so', () => {
    const result = judged({ samples: [], ...withPolicy({ meters: 'off' }) });
    expect(value(result, 'decodeTokensPerSecond')).toBeCloseTo(64, 9);
    for (const name of ['energyJoules', 'processCores', 'clockHertz', 'peakResidentBytes'] as const) {
      expect(reason(result, name)).toBe('the meters were off');
    }
  });

  test('a workload without decode has no decode numbers', () => {
    const phases = phasesOf().filter((p) => p.name !== 'decode');
    const result = judged({ phases, tokenSeconds: [] });
    expect(reason(result, 'decodeTokensPerSecond')).toMatch(/generates no tokens/);
    expect(reason(result, 'energyPerOutputTokenJoules')).toMatch(/generates no tokens/);
    expect(value(result, 'energyJoules')).toBeCloseTo(400, 8);
    expect(reason(result, 'interTokenLatencyP50Seconds')).toMatch(/no decode step/);
  });

  test('a trial that did not complete has no numbers and is not valid', () => {
    const result = judged({ outcome: null });
    expect(result.valid).toBe(false);
    for (const name of METRIC_NAMES) expect(reason(result, name)).toBe('the trial did not complete');
  });

  test('a process that ends before its last reading still has its share of CPU', () => {
    const cut = (s: (typeof calm)[number]) => {
      const n = s.quantity === 'processCpuSeconds' ? s.seconds.length - 8 : s.seconds.length;
      return { ...s, seconds: s.seconds.slice(0, n), values: s.values.slice(0, n) };
    };
    const calm = samplesWith({});
    const result = judged({ samples: calm.map(cut) });
    expect(value(result, 'processCores')).toBeCloseTo(1, 9);
    expect(value(result, 'foreignCores')).toBeCloseTo(0.1, 9);
  });
});

describe('recompute', () => {
  test('is the identity on what the judge made, through JSON and the schema', () => {
    const inputs = [
      calmInput(),
      calmInput({
        samples: samplesWith({ systemBusyCpuSeconds: (t) => 2.5 * t, 'powerWatts:gpu': (t) => t }),
      }),
      calmInput({
        warnings: [
          warn('engine-warning', 'flash attention was turned off'),
          warn('cpu-steal', 'told by the host'),
        ],
      }),
      calmInput({ outcome: null }),
      calmInput({ samples: [], absent: { energy: 'none here' } }),
    ];
    for (const input of inputs) {
      const record = resultSchema.parse(JSON.parse(JSON.stringify(recordOf(input))));
      expect(recompute(record)).toEqual(record);
    }
  });

  test('rests on the raw readings alone', () => {
    const record = recordOf(calmInput());
    const forged = { ...record, measurements: {}, warnings: [], valid: false };
    expect(recompute(forged)).toEqual(record);
    const joules = (t: number) => 2 * joulesAt(t);
    const changed = recompute({ ...record, samples: samplesWith({ 'energyJoules:gpu': joules }) });
    const entry = changed.measurements.energyJoules;
    expect(isPresent(entry) && entry.value).toBeCloseTo(1760, 6);
  });

  test('a record that does not hold what was given comes back as it is', () => {
    const { given, ...old } = recordOf(calmInput());
    expect(given).toBeDefined();
    expect(recompute(old)).toBe(old);
  });
});
