import { isPresent, type SampleSeries } from '../../../core/result/result.js';
import type { WarningCode } from '../../../core/result/warnings.js';
import { judge } from '../../../roofline/judge.js';
import { calmInput, joulesAt, samplesWith, wattsAt } from '../../unit/judgement/trace.js';
import type { Figure } from '../figure.js';

/** What the calm trial of the unit tests costs for each repeat. */
const JOULES = 880;
const TOLERANCE = 0.001;

const counter = (valueAt: (t: number) => number) =>
  samplesWith({ 'energyJoules:gpu': valueAt, 'powerWatts:gpu': null });
/** The readings of the counter that are kept, in this order. */
const picked = (pick: (seconds: readonly number[]) => number[]): SampleSeries[] =>
  counter((t) => joulesAt(t)).map((s) => {
    if (s.quantity !== 'energyJoules:gpu') return s;
    const kept = pick(s.seconds);
    return { ...s, seconds: kept.map((i) => s.seconds[i]!), values: kept.map((i) => s.values[i]!) };
  });
const indices = (seconds: readonly number[]) => seconds.map((_, i) => i);

/** A fault of a sensor, and what the judge has to say of it; the energy that it gives must be right or absent. */
const FAULTS: readonly {
  readonly fault: string;
  readonly code: WarningCode;
  readonly energy: 'kept' | 'fewer' | 'none';
  readonly samples: readonly SampleSeries[];
}[] = [
  {
    fault: 'counter reset inside a repeat',
    code: 'counter-reset',
    energy: 'fewer',
    samples: counter((t) => joulesAt(t) - (t >= 20 ? joulesAt(20) : 0)),
  },
  {
    fault: 'counter reset between repeats',
    code: 'counter-reset',
    energy: 'kept',
    samples: counter((t) => joulesAt(t) - (t >= 16.5 ? joulesAt(16.5) : 0)),
  },
  {
    fault: 'counter stuck for 3 s, then right again',
    code: 'counter-stuck',
    energy: 'fewer',
    samples: counter((t) => joulesAt(t > 18.05 && t < 21 ? 18 : t)),
  },
  { fault: 'counter stuck for good', code: 'counter-stuck', energy: 'none', samples: counter(() => 1234) },
  {
    fault: 'gap over an edge',
    code: 'meter-gap',
    energy: 'fewer',
    samples: picked((seconds) => indices(seconds).filter((i) => seconds[i]! < 2.2 || seconds[i]! > 4.75)),
  },
  {
    fault: 'readings end early',
    code: 'meter-uncovered',
    energy: 'fewer',
    samples: picked((seconds) => indices(seconds).filter((i) => seconds[i]! < 20)),
  },
  {
    fault: 'sentinel of NVML (all ones)',
    code: 'meter-sentinel',
    energy: 'kept',
    samples: counter((t) => (t > 3.95 && t < 4.05 ? 0xffffffff : joulesAt(t))),
  },
  {
    fault: 'sentinel of DCGM ("not supported")',
    code: 'meter-sentinel',
    energy: 'kept',
    samples: counter((t) => (t > 3.95 && t < 4.05 ? 2 ** 63 : joulesAt(t))),
  },
  {
    fault: 'the same moment twice',
    code: 'meter-duplicate',
    energy: 'kept',
    samples: picked((seconds) => indices(seconds).flatMap((i) => (i % 50 === 0 ? [i, i] : [i]))),
  },
  {
    fault: 'readings out of order',
    code: 'meter-disorder',
    energy: 'kept',
    samples: picked((seconds) => indices(seconds).map((i) => (i === 40 ? 41 : i === 41 ? 40 : i))),
  },
  {
    fault: 'two GPUs, one of them the trial’s',
    code: 'other-device',
    energy: 'kept',
    samples: samplesWith({ 'energyJoules:gpu-1': (t) => 300 * t }),
  },
  {
    fault: 'two GPUs, nobody knows whose',
    code: 'other-device',
    energy: 'none',
    samples: samplesWith({
      'energyJoules:gpu': null,
      'powerWatts:gpu': null,
      'energyJoules:gpu-0': (t) => joulesAt(t),
      'energyJoules:gpu-1': (t) => 300 * t,
    }),
  },
  {
    fault: 'a MIG instance that has only its board’s energy',
    code: 'energy-shared',
    energy: 'none',
    samples: samplesWith({
      'energyJoules:gpu': null,
      'powerWatts:gpu': null,
      'energyJoules:board': (t) => joulesAt(t),
    }),
  },
  {
    fault: 'counter and integral disagree',
    code: 'counter-integral-disagree',
    energy: 'kept',
    samples: samplesWith({ 'powerWatts:gpu': (t) => 0.6 * wattsAt(t) }),
  },
];

export function faultFigures(): Figure[] {
  return FAULTS.map(({ fault, code, energy, samples }) => {
    const input = calmInput({ samples });
    const { warnings, measurements } = judge(input);
    const codes = [...new Set(warnings.map((warning) => warning.code))];
    const entry = measurements.energyJoules;
    const values = isPresent(entry) ? (entry.samples ?? []) : [];
    const right = values.every((joules) => Math.abs(joules / JOULES - 1) <= TOLERANCE);
    const repeats = input.repeats.count;
    const found = values.length === 0 ? 'none' : values.length < repeats ? 'fewer' : 'kept';
    return {
      claim: `fault: ${fault}`,
      measured: `${codes.join(', ') || 'no code'}; ${values.length} of ${repeats} repeats have an energy, ${right ? 'right' : 'wrong'}`,
      required: `${code}; ${energy === 'none' ? 'none' : energy === 'fewer' ? 'fewer, right' : 'all, right'}`,
      holds: codes.length === 1 && codes[0] === code && found === energy && right,
    };
  });
}
