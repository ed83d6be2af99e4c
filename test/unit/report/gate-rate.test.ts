import { describe, expect, test } from 'vitest';
import { comparisonOf, matchRows } from '../../../report/compare.js';
import { type Gate, judgeGate, readGate } from '../../../report/gate.js';
import { levelOf, rateSentences, startsNeeded } from '../../../report/gate-rate.js';
import { studentQuantile } from '../../../statistics/distributions.js';
import { run } from '../../support/compared-runs.js';
import { sound } from '../../support/reading.js';

const DECODE = 'decodeTokensPerSecond';
const gate = (text: string): Gate => sound(readGate(text)).value;

describe('gates with a stated rate', () => {
  const noDecode = `${DECODE}:-5%`;
  const compareTo = (factor: number, quantizations?: string[]) =>
    comparisonOf(matchRows(run(1, quantizations), run(factor, quantizations), new Set()).pairs, [DECODE]);

  test('share the chance of a false alarm among gates, and what all rows show together', () => {
    const two = compareTo(1);
    expect(levelOf(0.01, [gate(noDecode)], two)).toBe(0.005);
    expect(levelOf(0.01, [gate(noDecode), gate(`${DECODE}:+5%`)], two)).toBe(0.0025);
    expect(levelOf(0.01, [gate(noDecode)], compareTo(1, ['f16']))).toBe(0.01);
  });

  test('are red by the level that is asked for', () => {
    const compared = compareTo(1.2, ['f16']);
    const { p } = compared.changes[0]!;
    const of = (level: number) => judgeGate(gate(noDecode), compared, level)[0]?.outcome;
    // One direction alone is red.
    expect([of(p! / 2 + 1e-9), of(p! / 2 - 1e-9)]).toEqual(['red', 'undecided']);
  });

  test('say which change they find: the further away, the smaller the chance of a false alarm', () => {
    const compared = compareTo(1, ['f16']);
    const [strict, loose] = [0.001, 0.05].map(
      (level) => judgeGate(gate(noDecode), compared, level)[0]!.detectable!,
    );
    expect(strict).toBeLessThan(loose!);
    expect(loose).toBeLessThan(-0.05);
    // A limit far beyond the noise is found where the estimate itself is beyond it in four of five.
    const { error, df } = compared.changes[0]!;
    const [far] = judgeGate(gate(`${DECODE}:-60%`), compared, 0.05);
    expect(far!.detectable).toBeCloseTo(0.4 * Math.exp(-studentQuantile(0.8, df!) * error!) - 1, 9);
    const sentences = rateSentences(0.01, [gate(noDecode)], judgeGate(gate(noDecode), compared));
    expect(sentences).toEqual([
      expect.stringMatching(
        /^without any change a gate is red in at most 1\.0 % of such comparisons; in four of five decodeTokensPerSecond:-5% finds -\d+\.\d %$/,
      ),
    ]);
    expect(rateSentences(0.01, [gate('modelBytes:+5%')], [])).toEqual([]);
  });

  test('say how many starts decide them, unless none do', () => {
    const { pairs } = matchRows(run(1), run(1), new Set());
    const needed = (oneSitting: boolean, text: string) => {
      const compared = comparisonOf(pairs, [DECODE], { oneSitting });
      return startsNeeded([gate(text)], judgeGate(gate(text), compared), compared.changes, pairs);
    };
    const [five, ten] = [needed(true, noDecode)!, needed(true, `${DECODE}:-10%`)];
    expect(five).toBeGreaterThan(3);
    expect(ten === null || ten < five).toBe(true);
    // Two sittings differ by more than half a percent, however many starts there are.
    expect(needed(false, `${DECODE}:-0.5%`)).toBeNull();
  });
});
