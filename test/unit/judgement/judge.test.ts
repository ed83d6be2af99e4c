import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { JudgeInput, Judgement } from '../../../core/judgement/evidence.js';
import { judge, recompute } from '../../../core/judgement/judge.js';
import { METRIC_NAMES, type MetricName, metricNamed } from '../../../core/metrics/catalogue.js';
import { isPresent, type Measurement, resultSchema } from '../../../core/result.js';
import { warn } from '../../../core/warnings.js';
import {
  calmInput,
  experiment,
  joulesAt,
  phasesOf,
  policy,
  recordOf,
  sampled,
  samplesWith,
  TRUTH,
  wattsAt,
} from './trace.js';

function measured(result: Judgement, name: MetricName): Measurement {
  const entry = result.measurements[name];
  if (!isPresent(entry)) throw new Error(`${name} is missing: ${entry?.reason}`);
  return entry;
}
const value = (result: Judgement, name: MetricName) => measured(result, name).value;
const reason = (result: Judgement, name: MetricName) => {
  const entry = result.measurements[name];
  return entry?.value === null ? entry.reason : `present: ${entry?.value}`;
};
const codes = (result: Judgement) => result.warnings.map((w) => w.code);
const judged = (changes: Partial<JudgeInput> = {}) => judge(calmInput(changes));
const withPolicy = (changes: Partial<typeof policy>) => ({
  experiment: { ...experiment, measure: { ...policy, ...changes } },
});

describe('a calm trial', () => {
  const result = judged();

  test('is valid and gives every metric of the catalogue a number in its unit', () => {
    expect(result.warnings).toEqual([]);
    expect(result.valid).toBe(true);
    expect(Object.keys(result.measurements).sort()).toEqual([...METRIC_NAMES].sort());
    for (const name of METRIC_NAMES) {
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
});

describe('energy', () => {
  test('a node without a source says why, and nothing is 0', () => {
    const result = judged({
      samples: samplesWith({ 'energyJoules:gpu': null, 'powerWatts:gpu': null }),
      absent: { energy: 'no RAPL: /sys/class/powercap is empty' },
    });
    for (const name of [
      'energyJoules',
      'tokensPerJoule',
      'idlePowerWatts',
      'energyIntegralJoules',
    ] as const) {
      expect(reason(result, name)).toBe('no RAPL: /sys/class/powercap is empty');
    }
    expect(result.valid).toBe(true);
  });

  test('power alone is integrated and labelled so', () => {
    const result = judged({ samples: samplesWith({ 'energyJoules:gpu': null }) });
    expect(measured(result, 'energyJoules').source).toBe('integral:gpu');
    expect(value(result, 'energyJoules') / 880).toBeCloseTo(1, 1);
    expect(reason(result, 'energyIntegralJoules')).toMatch(/only one of/);
  });

  test('a counter and an integral that disagree are noted, and the counter is quoted', () => {
    const result = judged({ samples: samplesWith({ 'powerWatts:gpu': (t) => 0.6 * wattsAt(t) }) });
    expect(codes(result)).toEqual(['counter-integral-disagree']);
    expect(result.valid).toBe(true);
    expect(value(result, 'energyJoules')).toBeCloseTo(880, 8);
    expect(value(result, 'energyIntegralDifferenceRatio')).toBeCloseTo(-0.4, 1);
  });

  test('on a CPU packages and memory are added, psys and core never', () => {
    const result = judged({
      experiment: { ...experiment, device: 'cpu' },
      samples: samplesWith({
        'energyJoules:gpu': null,
        'powerWatts:gpu': null,
        'energyJoules:package-0': (t) => 10 * t,
        'energyJoules:package-1': (t) => 20 * t,
        'energyJoules:dram': (t) => 3 * t,
        'energyJoules:psys': (t) => 500 * t,
        'energyJoules:core': (t) => 7 * t,
      }),
      idleWatts: { 'package-0': 4, 'package-1': 5, dram: 1 },
    });
    expect(measured(result, 'energyJoules').source).toBe('counter:package-0+package-1+dram');
    expect(value(result, 'averagePowerWatts')).toBeCloseTo(33, 9);
    expect(value(result, 'idlePowerWatts')).toBe(10);
    const onlyPsys = judged({
      experiment: { ...experiment, device: 'cpu' },
      samples: samplesWith({ 'energyJoules:gpu': null, 'energyJoules:psys': (t) => 70 * t }),
    });
    expect(measured(onlyPsys, 'energyJoules').source).toBe('counter:psys');
  });

  test("a GPU's energy is never replaced by the CPU's", () => {
    const result = judged({
      samples: samplesWith({
        'energyJoules:gpu': null,
        'powerWatts:gpu': null,
        'energyJoules:package-0': (t) => 90 * t,
      }),
    });
    expect(reason(result, 'energyJoules')).toMatch(/no energy source of the cuda device/);
  });

  test('without an idle baseline net energy is missing, gross is not', () => {
    const result = judged({ idleWatts: {} });
    expect(reason(result, 'energyNetJoules')).toMatch(/no idle power/);
    expect(value(result, 'energyJoules')).toBeCloseTo(880, 8);
  });

  test('a counter that stands still is below its resolution, not 0 J', () => {
    const result = judged({ samples: samplesWith({ 'energyJoules:gpu': () => 1234 }) });
    expect(reason(result, 'energyJoules')).toMatch(/below its resolution/);
  });

  test('a counter read more often than it changes: its steps are seen through, and its own period counts', () => {
    const stairs = (t: number) => 36 * Math.floor(t / 0.3 + 1e-9);
    const result = judged({ samples: samplesWith({ 'energyJoules:gpu': stairs, 'powerWatts:gpu': null }) });
    expect(value(result, 'prefillEnergyJoules')).toBeCloseTo(240, 6);
    expect(value(result, 'decodeEnergyJoules')).toBeCloseTo(480, 6);
    expect(codes(result)).toEqual(['window-too-short', 'window-too-short']);
    expect(result.warnings[1]!.message).toMatch(
      /decode lasts 4\.00 s, less than 20 update periods.*\(6\.0 s\)/,
    );
  });

  test('a fast counter that is read slowly is not full of gaps', () => {
    const samples = samplesWith({}).map((s) =>
      /:gpu$/.test(s.quantity) ? { ...s, periodSeconds: 0.001 } : s,
    );
    expect(judged({ samples }).warnings).toEqual([]);
  });

  test('repeats that readings do not cover are left out, and n says so', () => {
    const samples = samplesWith({ 'powerWatts:gpu': null }).map((s) => {
      if (s.quantity !== 'energyJoules:gpu') return s;
      const kept = s.seconds.flatMap((t, i) => (t < 20 ? [i] : []));
      return { ...s, seconds: kept.map((i) => s.seconds[i]!), values: kept.map((i) => s.values[i]!) };
    });
    expect(measured(judged({ samples }), 'energyJoules')).toMatchObject({
      n: 2,
      samples: [expect.closeTo(880, 6), expect.closeTo(880, 6)],
    });
  });

  test('a gap in the readings is noted', () => {
    const samples = samplesWith({}).map((s) => {
      if (s.quantity !== 'powerWatts:gpu' && s.quantity !== 'energyJoules:gpu') return s;
      const kept = s.seconds.flatMap((t, i) => (t > 4.75 && t < 5.55 ? [] : [i]));
      return { ...s, seconds: kept.map((i) => s.seconds[i]!), values: kept.map((i) => s.values[i]!) };
    });
    const result = judged({ samples });
    expect(codes(result)).toEqual(['meter-gap']);
    expect(result.warnings[0]!.message).toMatch(/counter:gpu \(0\.90 s\)/);
  });

  test('phases shorter than 20 periods of the source are noted with what that means', () => {
    const slow = samplesWith({}).map((s) => (/:gpu$/.test(s.quantity) ? { ...s, periodSeconds: 0.15 } : s));
    const result = judged({ samples: slow });
    expect(codes(result)).toEqual(['window-too-short']);
    expect(result.warnings[0]!.message).toMatch(/^prefill lasts 2\.00 s.*totals hold/);
    const slower = samplesWith({}).map((s) => (/:gpu$/.test(s.quantity) ? { ...s, periodSeconds: 2 } : s));
    expect(judged({ samples: slower }).warnings[0]!.message).toMatch(/uncertain/);
  });

  test('any power trace: phases add up to repeats, and repeats to what the counter grew by', () => {
    const watts = fc.array(fc.integer({ min: 20, max: 700 }), { minLength: 60, maxLength: 60 });
    fc.assert(
      fc.property(watts, (levels) => {
        // Power changes every second at will; the counter is its exact running sum.
        const energy = (t: number) => {
          const whole = Math.floor(t + 1e-9);
          return levels.slice(0, whole).reduce((s, w) => s + w, 0) + (t - whole) * (levels[whole] ?? 0);
        };
        const result = judged({ samples: [sampled('energyJoules:gpu', 'counter', energy)] });
        const [whole, prefill, decode] = (
          ['energyJoules', 'prefillEnergyJoules', 'decodeEnergyJoules'] as const
        ).map((name) => measured(result, name).samples!);
        for (let r = 0; r < TRUTH.repeats; r++) {
          const start = 3 + 7 * r;
          expect(prefill![r]).toBeCloseTo(energy(start + 2) - energy(start), 6);
          expect(whole![r]).toBeCloseTo(energy(start + 6) - energy(start), 6);
          expect(prefill![r]! + decode![r]!).toBeCloseTo(whole![r]!, 6);
        }
      }),
      { numRuns: 30 },
    );
  });
});

describe('gates', () => {
  test('a foreign process makes the row invalid; the agent itself and rounding do not', () => {
    const busy = judged({ samples: samplesWith({ systemBusyCpuSeconds: (t) => 1.5 * t }) });
    expect(codes(busy)).toEqual(['foreign-process']);
    expect(busy.valid).toBe(false);
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
    expect(result.valid).toBe(false);
  });

  test('throttling, by its bits, only while measuring', () => {
    const thermal = judged({
      samples: samplesWith({ throttleReasons: (t) => (t > 10 && t < 12 ? 0x40 : 0) }),
    });
    expect(codes(thermal)).toEqual(['thermal-throttle']);
    expect(thermal.valid).toBe(false);
    const power = judged({ samples: samplesWith({ throttleReasons: () => 0x80 | 8 }) });
    expect(codes(power)).toEqual(['power-throttle']);
    expect(
      judged({ samples: samplesWith({ throttleReasons: (t) => (t < 2.9 ? 0x40 : 1) }) }).warnings,
    ).toEqual([]);
  });

  test('a clock that moves between repeats is noted', () => {
    const result = judged({ samples: samplesWith({ deviceClockHertz: (t) => (t < 15 ? 1.98e9 : 1.7e9) }) });
    expect(codes(result)).toEqual(['clock-change']);
    expect(result.valid).toBe(true);
  });

  test('spread, outliers and trend', () => {
    const wild = judged({ phases: phasesOf((r) => (r % 2 === 0 ? 1 : 1.5)), samples: [] });
    expect(codes(wild)).toEqual(['high-spread', 'high-spread']);
    expect(wild.valid).toBe(false);
    const odd = judged({ phases: phasesOf((r) => (r === 3 ? 1.15 : 1 + r / 1000)), samples: [] });
    expect(codes(odd)).toEqual(['outliers', 'outliers']);
    const falling = judged({ phases: phasesOf((r) => 1 + r / 100), samples: [] });
    expect(codes(falling)).toEqual(['drift-trend', 'drift-trend']);
    expect(falling.warnings[0]!.message).toMatch(/prefill t\/s fall by 3\.9 %/);
    const barely = judged({ phases: phasesOf((r) => 1 + r / 10_000), samples: [] });
    expect(barely.warnings).toEqual([]);
  });

  test('what the workload could not reach', () => {
    const base = calmInput().outcome!;
    const result = judged({
      outcome: { ...base, repeats: 2, warmupSettled: false, stop: 'time-budget', halfWidth: 0.08 },
      experiment: { ...experiment, runner: { kind: 'llama-cpp', options: { threads: 9 } } },
    });
    expect(codes(result)).toEqual(['warmup-unsettled', 'few-repeats', 'interval-wide', 'oversubscribed']);
    expect(result.valid).toBe(true);
    expect(
      judged({ outcome: { ...base, warmups: 0, warmupSettled: false }, ...withPolicy({ maxWarmups: 0 }) })
        .warnings,
    ).toEqual([]);
  });

  test("others' doubts count and stay in front", () => {
    const foreign = warn('foreign-process', 'pid 77 uses the device');
    const result = judged({ warnings: [foreign] });
    expect(result.warnings).toEqual([foreign]);
    expect(result.valid).toBe(false);
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
