import { describe, expect, test } from 'vitest';
import {
  goodput,
  keepsSlo,
  keptBy,
  parseSlo,
  pooled,
  sloText,
  sloVerdict,
} from '../../../core/serving/slo.js';
import { wilsonInterval } from '../../../statistics/proportion.js';
import { sound } from '../../support/reading.js';
import { answered, request } from '../../support/requests.js';

function objectives(text: string) {
  return sound(parseSlo(text)).value;
}
const wrong = (text: string) => {
  const parsed = parseSlo(text);
  return parsed.ok ? '' : parsed.message;
};

describe('objectives', () => {
  test('have one spelling', () => {
    expect(sloText(objectives('e2e:max<=10s, TPOT:p90<=0.05s,ttft:p99.9≤1500ms,ttft:p50<=400 ms'))).toBe(
      'ttft:p50<=400ms,ttft:p99.9<=1.5s,tpot:p90<=50ms,e2e:max<=10s',
    );
    const text = 'ttft:p90<=500ms,ttfa:p90<=2s,tpot:p90<=50ms,e2e:max<=60s';
    expect(sloText(objectives(text))).toBe(text);
    expect(objectives('tpot:p95<=1min')).toEqual([{ metric: 'tpot', share: 0.95, seconds: 60 }]);
    expect(sloText(objectives('ttft:p95 < 500ms, tpot:max<30ms'))).toBe('ttft:p95<=500ms,tpot:max<=30ms');
  });

  test('that are none are one sentence each', () => {
    expect(wrong('ttft<500')).toBe(
      '"ttft<500" is no objective: write metric:percentile<=time, such as ttft:p90<=500ms or e2e:max<=10s',
    );
    expect(wrong('tpto:p90<=50ms')).toBe(
      '"tpto" in "tpto:p90<=50ms" is no latency: there are ttft, ttfa, tpot, e2e (did you mean tpot?)',
    );
    expect(wrong('ttft:p90<=5h')).toBe('"h" in "ttft:p90<=5h" is no unit of time: there are us, ms, s, min');
    expect(wrong('tpot:p95<30ms, ttft:p95<500')).toBe('"ttft:p95<500" has no unit: say 500ms or 0.5s');
    expect(wrong('ttft:mean<=500ms')).toBe(
      '"ttft:mean<=500ms" asks for a mean, which no single request keeps or misses: write a percentile, such as ttft:p50<=500ms',
    );
    expect(wrong('ttft:p0<=5s')).toContain('must be above 0');
    expect(wrong('ttft:p90<=0ms')).toContain('must be above 0');
    expect(wrong('ttft:p90<=5s,ttft:p90<=6s')).toBe('"ttft:p90<=6s" says once more what ttft must keep');
    expect(wrong('ttft:p90<=5s,')).toContain('an objective is missing');
    expect(wrong('')).toContain('an objective is missing');
    expect(wrong('ttft:p100<=5s')).toContain('is no objective');
  });
});

describe('requests', () => {
  const fast = answered({ intended: 0, ttft: 0.2, tpot: 0.01, chunks: [1, 1, 1] });
  const asked = objectives('ttft:p90<=500ms,tpot:p90<=50ms');

  test('are good when they keep every objective, from the scheduled start', () => {
    expect(keepsSlo(fast, asked)).toBe(true);
    expect(keepsSlo(answered({ intended: 0, ttft: 0.2, tpot: 0.06, chunks: [1, 1] }), asked)).toBe(false);
    expect(
      keepsSlo(answered({ intended: 0, dispatched: 0.4, ttft: 0.2, tpot: 0.01, chunks: [1, 1] }), asked),
    ).toBe(false);
    expect(keepsSlo({ ...fast, outcome: 'broken' }, asked)).toBe(false);
  });

  test('that take exactly what an objective allows have kept it', () => {
    const first = (ttft: number) => answered({ intended: 0, ttft, tpot: 0.01, chunks: [1, 1] });
    const step = (tpot: number) => answered({ intended: 0, ttft: 0.25, tpot, chunks: [1, 1] });
    const [half, quarter] = [objectives('ttft:p90<=500ms'), objectives('tpot:p90<=250ms')];
    expect([0.5, 0.5 + 2 ** -40].map((ttft) => keepsSlo(first(ttft), half))).toEqual([true, false]);
    expect([0.25, 0.25 + 2 ** -40].map((tpot) => keepsSlo(step(tpot), quarter))).toEqual([true, false]);
    expect(keptBy([first(0.5), first(0.75)], half)).toMatchObject([{ kept: 1, requests: 2 }]);
    // Without a second token there is no time per token, and it has not been kept.
    expect(keepsSlo(answered({ intended: 0, ttft: 0.1, tpot: 0, chunks: [1] }), quarter)).toBe(false);
  });

  test('that failed or never ended are in the denominator', () => {
    const all = [fast, fast, fast, request({ outcome: 'refused' }), request({ outcome: 'unfinished' })];
    expect(goodput(all, asked, 2)).toMatchObject({
      good: 3,
      requests: 5,
      share: 0.6,
      requestsPerSecond: 1.5,
    });
    expect(keptBy(all, asked)).toMatchObject([
      { kept: 3, requests: 5 },
      { kept: 3, requests: 5 },
    ]);
    expect(goodput([], asked, 0)).toMatchObject({ share: null, interval: [0, 1], requestsPerSecond: null });
  });
});

describe('a run', () => {
  const [p90, max] = [objectives('ttft:p90<=1s')[0]!, objectives('e2e:max<=1s')[0]!];
  const verdict = (kept: number, requests: number) => sloVerdict([{ objective: p90, kept, requests }]);

  test('meets its objectives, misses them, or has too few requests to tell', () => {
    expect(verdict(100, 100)).toBe('met');
    expect(verdict(60, 100)).toBe('missed');
    expect(verdict(90, 100)).toBe('undecided');
    expect(verdict(20, 20)).toBe('undecided');
    expect(verdict(9300, 10_000)).toBe('met');
    expect(verdict(0, 0)).toBe('undecided');
  });

  test('meets a share that is the lower end of its interval, and does not miss one that is the upper end', () => {
    const [low, high] = wilsonInterval(93, 100, 0.95);
    const asked = (share: number) =>
      sloVerdict([{ objective: { ...p90, share }, kept: 93, requests: 100 }], 0.95);
    expect([low, low + 2 ** -50, high, high + 2 ** -50].map(asked)).toEqual([
      'met',
      'undecided',
      'undecided',
      'missed',
    ]);
  });

  test('meets a maximum with all requests or not at all', () => {
    expect(sloVerdict([{ objective: max, kept: 9, requests: 9 }])).toBe('met');
    expect(sloVerdict([{ objective: max, kept: 999, requests: 1000 }])).toBe('missed');
  });

  test('counts with another of the same load as one', () => {
    const once = [{ objective: p90, kept: 93, requests: 100 }];
    expect(sloVerdict(once)).toBe('undecided');
    expect(pooled([once, once, once, once, once])).toEqual([{ objective: p90, kept: 465, requests: 500 }]);
    expect(sloVerdict(pooled([once, once, once, once, once]))).toBe('met');
    expect(pooled([])).toEqual([]);
  });
});
