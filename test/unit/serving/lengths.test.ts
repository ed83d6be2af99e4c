import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { describe, expect, test } from 'vitest';
import { drawLength, type Lengths, parseLengths } from '../../../core/serving/lengths.js';
import { median } from '../../../statistics/quantile.js';
import { mean, stddev } from '../../../statistics/summary.js';

describe('lengths', () => {
  test('are read as they are written', () => {
    expect(parseLengths(256)).toEqual({ kind: 'fixed', tokens: 256 });
    expect(parseLengths('uniform:64..256')).toEqual({ kind: 'uniform', from: 64, to: 256 });
    expect(parseLengths(' normal:256, 64 ')).toEqual({ kind: 'normal', mean: 256, deviation: 64 });
    expect(parseLengths('lognormal:256,0.5')).toEqual({ kind: 'lognormal', median: 256, sigma: 0.5 });
  });

  test.each([
    ['', /^"" is no length: "" is no number; write 256, /],
    ['many', /is no number/],
    ['0', /between 1 and 10000000 tokens/],
    ['1.5', /tokens are whole/],
    ['gamma:1,2', /write 256, uniform:64\.\.256, /],
    ['uniform:64', /write 256, /],
    ['uniform:64..32', /the end has to be between 64 and /],
    ['normal:64,128', /more than the mean/],
    ['lognormal:64,9', /at most 3/],
    ['normal:64,-1', /"-1" is no number/],
  ])('%j is refused in one sentence', (written, sentence) => {
    const answer = parseLengths(written);
    expect(answer).toMatch(sentence);
    expect(answer).toMatch(/^[^\n]*\.$/);
  });

  test('are drawn as they say', () => {
    const draw = (lengths: Lengths) => {
      const random = xoroshiro128plus(1);
      return Array.from({ length: 20_000 }, () => drawLength(lengths, () => uniformFloat64(random)));
    };
    const uniform = draw({ kind: 'uniform', from: 3, to: 5 });
    for (const length of [3, 4, 5]) {
      expect(Math.abs(uniform.filter((one) => one === length).length - 6667)).toBeLessThan(300);
    }
    const normal = draw({ kind: 'normal', mean: 256, deviation: 64 });
    expect(Math.abs(mean(normal) - 256)).toBeLessThan(2);
    expect(Math.abs(stddev(normal)! - 64)).toBeLessThan(2);
    expect(Math.min(...draw({ kind: 'normal', mean: 2, deviation: 2 }))).toBe(1);
    const lognormal = draw({ kind: 'lognormal', median: 256, sigma: 0.5 });
    expect(Math.abs(median(lognormal) - 256)).toBeLessThan(6);
    expect(Math.abs(stddev(lognormal.map(Math.log))! - 0.5)).toBeLessThan(0.02);
  });
});
