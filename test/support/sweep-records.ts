import type { ResultRecord } from '../../core/result/result.js';
import { warn } from '../../core/result/warnings.js';
import { experimentOf, type Point } from './experiments.js';
import { BITS, completeTrial, failedTrial } from './records.js';

/**
 * A whole sweep: `experiments` points over model, quantization, flash attention and parallel sequences, with
 * a control at both ends of each block, a retried invalid trial, disturbed rows, an invalid one and a failed
 * one.
 */
export function sweepRecords(
  options: { readonly experiments?: number; readonly watts?: number | null; readonly name?: string } = {},
): ResultRecord[] {
  const wanted = options.experiments ?? 24;
  const watts = options.watts ?? null;
  const sweepName = options.name ?? 'reference';
  const points: Point[] = [];
  for (let depth = 0; points.length < wanted; depth++) {
    for (const quantization of Object.keys(BITS)) {
      for (const flashAttention of [true, false]) {
        for (const parallel of [1, 4]) {
          points.push({
            quantization,
            flashAttention,
            parallel,
            ...(depth > 0 && { contextDepth: depth * 64 }),
          });
        }
      }
    }
  }
  // Thousands of trials are about rows, not about what is in them.
  const many = wanted > 2000;
  const base = { sweepName, watts, ...(many && { readings: 12, repeats: 3 }) };
  const records: ResultRecord[] = [];
  const control = experimentOf({ quantization: 'q8_0', flashAttention: true, parallel: 1 });
  points.slice(0, wanted).forEach((point, position) => {
    const experiment = experimentOf(many ? { ...point, generateTokens: 8 } : point);
    const at = { ...base, experiment, position };
    const block = Math.floor(position / 8);
    if (position % 8 === 0) {
      records.push(
        completeTrial({ ...base, experiment: control, position, block: block * 2, purpose: 'control' }),
      );
    }
    if (position === wanted - 1 && wanted > 3) {
      records.push(failedTrial({ ...at, attempt: 1 }), failedTrial({ ...at, attempt: 2 }));
    } else if (position % 11 === 5) {
      const warning = warn('setting-not-held', 'the power cap of 300 W became 350 W');
      records.push(completeTrial({ ...at, attempt: 1, slower: 1.4, warnings: [warning] }));
      const again =
        position % 2 === 1 ? [warn('provider-fallback', '7 of 9 nodes ran on CPUExecutionProvider')] : [];
      records.push(completeTrial({ ...at, attempt: 2, slower: again.length > 0 ? 1.2 : 1, warnings: again }));
    } else {
      const warnings =
        position % 7 === 2
          ? [warn('affinity-unset', 'the process could not be pinned to CPUs 0-3')]
          : position % 9 === 4
            ? [warn('clock-change', 'cpuClockHertz moved by 7.1 % between repeats (2700 MHz to 2900 MHz)')]
            : position % 9 === 3
              ? [warn('cpu-steal', 'the hypervisor took 4.1 % of the CPU time; the policy allows 1 %')]
              : [];
      records.push(completeTrial({ ...at, warnings }));
    }
    if (position % 8 === 7) {
      records.push(
        completeTrial({
          ...base,
          experiment: control,
          position,
          block: block * 2 + 1,
          purpose: 'control',
          slower: 1.01,
        }),
      );
    }
  });
  return records;
}
