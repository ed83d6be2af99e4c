import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { Phase, SampleSeries } from '../../../core/result/result.js';

/** A recording as an agent leaves it, and what was really drawn. */
export interface Recording {
  readonly name: string;
  readonly device: string;
  readonly phases: readonly Phase[];
  readonly samples: readonly SampleSeries[];
  /** Energy since second 0, in joules. */
  joulesAt(seconds: number): number;
}

interface Shape {
  readonly prefillSeconds: number;
  readonly decodeSeconds: number;
  readonly repeats: number;
  /** Length of the windows of work that was repeated without a pause; left out = there are none. */
  readonly loopSeconds?: number;
}

const PREFILL_WATTS = 310;
const DECODE_WATTS = 190;
const REST_WATTS = 72;
const START = 2;

/** How a sensor tells what is drawn: its counter is a staircase, its readings come when the agent gets around to them. */
interface Sensor {
  readonly quantity: string;
  readonly kind: 'counter' | 'gauge';
  /** Seconds between two values of the source. */
  readonly updateSeconds: number;
  /** Least step of its values, in joules or watts. */
  readonly step: number;
  readonly readSeconds: number;
  /** The part of the power that it sees. */
  readonly share: number;
}

/** The sensors of the recordings, after what their makers or measurements say of them (docs/energy.md). */
const NVML: readonly Sensor[] = [
  {
    quantity: 'energyJoules:gpu',
    kind: 'counter',
    updateSeconds: 0.1,
    step: 0.001,
    readSeconds: 0.1,
    share: 1,
  },
  { quantity: 'powerWatts:gpu', kind: 'gauge', updateSeconds: 0.02, step: 0.001, readSeconds: 0.1, share: 1 },
];
const RAPL: readonly Sensor[] = [
  {
    quantity: 'energyJoules:package-0',
    kind: 'counter',
    updateSeconds: 0.001,
    step: 61e-6,
    readSeconds: 0.05,
    share: 0.5,
  },
  {
    quantity: 'energyJoules:package-1',
    kind: 'counter',
    updateSeconds: 0.001,
    step: 61e-6,
    readSeconds: 0.05,
    share: 0.4,
  },
  {
    quantity: 'energyJoules:dram-0',
    kind: 'counter',
    updateSeconds: 0.001,
    step: 15e-6,
    readSeconds: 0.05,
    share: 0.1,
  },
];
const POWER: readonly Sensor[] = [{ ...NVML[1]!, updateSeconds: 0.1 }];

const LONG: Shape = { prefillSeconds: 120, decodeSeconds: 240, repeats: 3 };
const LENGTHENED: Shape = { prefillSeconds: 0.31, decodeSeconds: 0.57, repeats: 10, loopSeconds: 2.2 };
const SHORT: Shape = { prefillSeconds: 3.1, decodeSeconds: 5.7, repeats: 8 };

export const RECORDINGS: readonly Recording[] = [
  record('NVML counter, long phases', 'cuda', NVML, LONG, 1),
  record('NVML counter, short phases', 'cuda', NVML, SHORT, 2),
  record('RAPL packages and memory, long phases', 'cpu', RAPL, LONG, 3),
  record('RAPL packages and memory, short phases', 'cpu', RAPL, SHORT, 4),
  record('power alone, long phases', 'cuda', POWER, LONG, 5),
  record('power alone, short phases', 'cuda', POWER, SHORT, 6),
  record('NVML counter, lengthened phases', 'cuda', NVML, LENGTHENED, 7),
];

function record(
  name: string,
  device: string,
  sensors: readonly Sensor[],
  shape: Shape,
  seed: number,
): Recording {
  const phases = phasesOf(shape);
  const end = phases.at(-1)!.endSeconds + 2;
  const joulesAt = (t: number) => energyUntil(phases, t);
  const random = xoroshiro128plus(seed);
  const uniform = () => (random.next() >>> 0) / 2 ** 32;
  const samples = sensors.map((sensor) => read(sensor, end, joulesAt, uniform));
  return { name, device, phases, samples, joulesAt };
}

function phasesOf({ prefillSeconds, decodeSeconds, repeats, loopSeconds }: Shape): Phase[] {
  const phases: Phase[] = [];
  let t = START;
  for (let repeat = 0; repeat < repeats; repeat++) {
    const middle = t + prefillSeconds;
    const end = middle + decodeSeconds;
    phases.push({ name: 'prefill', repeat, startSeconds: t, endSeconds: middle, tokens: 4096 });
    phases.push({ name: 'decode', repeat, startSeconds: middle, endSeconds: end, tokens: 512 });
    t = end + 0.37;
  }
  if (loopSeconds === undefined) return phases;
  for (let repeat = 0; repeat < 3; repeat++) {
    for (const [name, once, each] of [
      ['energy-prefill', prefillSeconds, 4096],
      ['energy-decode', decodeSeconds, 512],
    ] as const) {
      const times = Math.ceil(loopSeconds / once);
      phases.push({
        name,
        repeat,
        startSeconds: t,
        endSeconds: t + times * once,
        tokens: times * each,
        times,
      });
      t += times * once + 0.37;
    }
  }
  return phases;
}

/** Steps from phase to phase, with a swell of a tenth over eleven seconds, integrated by hand. */
function energyUntil(phases: readonly Phase[], t: number): number {
  let joules = REST_WATTS * t;
  for (const { name, startSeconds, endSeconds } of phases) {
    const above = (name.endsWith('prefill') ? PREFILL_WATTS : DECODE_WATTS) - REST_WATTS;
    joules += above * Math.max(0, Math.min(t, endSeconds) - startSeconds);
  }
  const swell = (2 * Math.PI) / 11;
  return joules + ((REST_WATTS / 10) * (1 - Math.cos(swell * t))) / swell;
}

function read(
  { quantity, kind, updateSeconds, step, readSeconds, share }: Sensor,
  end: number,
  joulesAt: (t: number) => number,
  uniform: () => number,
): SampleSeries {
  const seconds: number[] = [];
  const values: number[] = [];
  const told = (x: number) => Math.round((share * x) / step) * step;
  for (let t = 0; t < end; t += readSeconds * (0.9 + 0.2 * uniform())) {
    const updated = Math.floor(t / updateSeconds) * updateSeconds;
    const power = (joulesAt(updated + 1e-4) - joulesAt(updated)) / 1e-4;
    seconds.push(t);
    values.push(told(kind === 'counter' ? joulesAt(updated) : power));
  }
  return { meter: 'recorded', quantity, unit: '', kind, periodSeconds: updateSeconds, seconds, values };
}
