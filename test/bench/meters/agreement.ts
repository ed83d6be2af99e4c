import type { MetricName } from '../../../core/metrics/catalogue.js';
import { isPresent, type Phase } from '../../../core/result/result.js';
import { judge } from '../../../roofline/judge.js';
import { calmInput, experiment } from '../../unit/judgement/trace.js';
import type { Figure } from '../figure.js';
import { RECORDINGS, type Recording } from './recordings.js';
import { referenceJoules } from './reference.js';

const TOLERANCE = 0.001;
/** 20 update periods, of which one may be off. */
const LENGTHENED_TOLERANCE = 0.05;
/** Where the edges of a staircase do not matter. */
const LONG_SECONDS = 60;

/** What a recording gives, in joules: of all that is averaged, of its phases, and of a token. */
interface Energies {
  readonly whole: number;
  readonly prefill: number;
  readonly decode: number;
}

/** How far the judge is off: from plain arithmetic on the same readings, and from what was drawn. */
export function recordingFigures(): Figure[] {
  return RECORDINGS.flatMap((recording) => {
    const { values, derived } = judgedOf(recording);
    const plain = energiesOf(recording, (phases) => referenceJoules(recording.samples, phases));
    const drawn = energiesOf(recording, (phases) =>
      phases.reduce(
        (sum, p) => sum + recording.joulesAt(p.endSeconds) - recording.joulesAt(p.startSeconds),
        0,
      ),
    );
    const shortest = Math.min(...usedPhases(recording).map((p) => p.endSeconds - p.startSeconds));
    const figure = (claim: string, truth: Energies, tolerance: number): Figure => {
      const off = Math.max(apart(values, truth), derived);
      return {
        claim: `${recording.name}: ${claim}`,
        measured: `${(off * 100).toPrecision(2)} % off at most`,
        required: `at most ${tolerance * 100} %`,
        holds: off <= tolerance,
      };
    };
    return [
      figure('energies against plain arithmetic', plain, TOLERANCE),
      figure(
        'energies against what was drawn',
        drawn,
        shortest >= LONG_SECONDS ? TOLERANCE : LENGTHENED_TOLERANCE,
      ),
    ];
  });
}

/** @returns joules of a repeat and its phases, and how far the metrics that follow from them are off. */
function judgedOf({ samples, phases, device }: Recording): { values: Energies; derived: number } {
  const repeats = phases.filter(({ name }) => name === 'prefill').length;
  const outcome = {
    repeats,
    warmups: 3,
    warmupSettled: true,
    stop: 'interval-narrow',
    halfWidth: 0.01,
  } as const;
  const { measurements } = judge(
    calmInput({
      samples,
      phases,
      experiment: { ...experiment, device },
      outcome,
      tokenSeconds: [],
      idleWatts: {},
    }),
  );
  const of = (name: MetricName) => {
    const entry = measurements[name];
    return isPresent(entry) ? entry.mean : Number.NaN;
  };
  const values = {
    whole: of('energyJoules'),
    prefill: of('prefillEnergyJoules'),
    decode: of('decodeEnergyJoules'),
  };
  const follow: [MetricName, number][] = [
    ['energyPerOutputTokenJoules', values.whole / 512],
    ['energyPerTotalTokenJoules', values.whole / (4096 + 512)],
    ['prefillEnergyPerTokenJoules', values.prefill / 4096],
    ['decodeEnergyPerTokenJoules', values.decode / 512],
    ['carbonGrams', (values.whole / 3.6e6) * 360],
  ];
  return { values, derived: Math.max(...follow.map(([name, value]) => ratioOff(of(name), value))) };
}

/** The windows that energy is read from: the work repeated without a pause, where there is any. */
function usedPhases({ phases }: Recording): readonly Phase[] {
  const lengthened = phases.filter(({ times }) => times !== undefined);
  return lengthened.length > 0 ? lengthened : phases;
}

function energiesOf(recording: Recording, joules: (phases: readonly Phase[]) => number): Energies {
  const used = usedPhases(recording);
  const of = (name: string) => {
    const own = used.filter((phase) => phase.name.endsWith(name));
    return own.reduce((sum, phase) => sum + joules([phase]) / (phase.times ?? 1), 0) / own.length;
  };
  const [prefill, decode] = [of('prefill'), of('decode')];
  return { whole: prefill + decode, prefill, decode };
}

function apart(a: Energies, b: Energies): number {
  return Math.max(ratioOff(a.whole, b.whole), ratioOff(a.prefill, b.prefill), ratioOff(a.decode, b.decode));
}

/** Infinity where there is no number, so that nothing missing passes. */
function ratioOff(value: number, truth: number): number {
  const off = Math.abs(value / truth - 1);
  return Number.isFinite(off) ? off : Number.POSITIVE_INFINITY;
}
