import { findMeters } from '../../agent/meters/index.js';
import { Recorder } from '../../agent/meters/recorder.js';
import { judge } from '../../batching/judge.js';
import type { SampleSeries } from '../../core/result/result.js';
import type { Judgement } from '../../judgement/evidence.js';
import { monotonicSeconds } from '../../process/isolation/clock.js';
import { calmInput, calmSamples, joulesAt, phasesOf, TRUTH, wattsAt } from '../unit/judgement/trace.js';
import { H100, openScripted, type Scripted, type ScriptedFields, setStubTime } from './nvml-stub.js';

/** What the trial of test/unit/judgement/trace.ts used, per repeat, whatever becomes of its readings. */
export const TRUE_JOULES = 880;

const TICK_SECONDS = 0.1;
const ALL_ONES = '18446744073709551615';
const TIMEOUT = '!10';
const REFUSED = '!3';
const PHASES = phasesOf();
const TICKS = Array.from({ length: 385 }, (_, i) => i / 10);

/** A GPU that draws what the trial draws: a counter that is renewed every tick, and its power. */
function working(changes: ScriptedFields = {}): ScriptedFields {
  const at = (value: (t: number) => number) => Object.fromEntries(TICKS.map((t) => [t, value(t)]));
  return {
    uuid: 'GPU-aaaa',
    ...H100,
    energy: at((t) => 5_000_000 + Math.round(1000 * joulesAt(t, PHASES))),
    'power.instant': at((t) => Math.round(1000 * wattsAt(t, PHASES))),
    throttle: 1,
    processes: `${process.pid}:1000000`,
    ...changes,
  };
}

/** A scripted field from `from` to `to` seconds, and as it is otherwise. */
function during(
  field: string,
  from: number,
  to: number,
  value: (t: number, honest: number) => string | number,
) {
  const honest = working()[field];
  const stamps = (t: number) => (typeof honest === 'object' ? Number(honest[t]) : Number(honest));
  const changed = TICKS.map((t) => [t, t >= from && t < to ? value(t, stamps(t)) : stamps(t)] as const);
  return { [field]: Object.fromEntries(changed) as Scripted };
}

/** Mean over the second before, as field 185 and nvmlDeviceGetPowerUsage say it. */
function averageMilliwatts(t: number): number {
  return 1000 * (joulesAt(t, PHASES) - (t < 1 ? (t - 1) * TRUTH.idleWatts : joulesAt(t - 1, PHASES)));
}

export interface Fault {
  /** What the stub plays, by device. */
  readonly devices: Readonly<Record<string, ScriptedFields>>;
  readonly trialOn?: string;
  /** The reason codes of the record. */
  readonly codes: readonly string[];
  /** Of how many of the five repeats there is an energy. */
  readonly repeatsWithEnergy: number;
  /** How far they may be off, where the readings are coarse. */
  readonly tolerance?: number;
}

const other = (changes: ScriptedFields = {}) =>
  working({ uuid: 'GPU-bbbb', energy: '7000000~90000/0.1', processes: 'none', ...changes });

/** Everything a driver does to readings, on a trial whose energy is known. */
export const FAULTS = {
  none: { devices: { 0: working() }, codes: [], repeatsWithEnergy: 5 },
  'counter reset': {
    devices: {
      0: working(
        during('energy', 12, 99, (t) => Math.round(1000 * (joulesAt(t, PHASES) - joulesAt(12, PHASES)))),
      ),
    },
    codes: ['counter-reset'],
    repeatsWithEnergy: 4,
  },
  'stuck counter': {
    devices: {
      0: working(during('energy', 11, 14, () => 5_000_000 + Math.round(1000 * joulesAt(11, PHASES)))),
    },
    codes: ['counter-stuck'],
    repeatsWithEnergy: 4,
  },
  gap: {
    devices: {
      0: working({
        ...during('energy', 9.2, 11.6, () => TIMEOUT),
        ...during('power.instant', 9.2, 11.6, () => TIMEOUT),
      }),
    },
    codes: ['meter-gap', 'meter-refused'],
    repeatsWithEnergy: 4,
  },
  sentinel: {
    devices: { 0: working(during('energy', 4, 4.05, () => ALL_ONES)) },
    codes: ['meter-refused'],
    repeatsWithEnergy: 5,
  },
  'two GPUs, the trial on one': { devices: { 0: working(), 1: other() }, codes: [], repeatsWithEnergy: 5 },
  'two GPUs, the trial on both': {
    devices: { 0: working(), 1: other({ processes: `${process.pid}:1000` }) },
    codes: ['energy-elsewhere'],
    repeatsWithEnergy: 0,
  },
  MIG: {
    devices: {
      0: working({ mig: 1 }),
      '0/0': { uuid: 'MIG-one', name: 'NVIDIA H100 80GB HBM3 MIG 1g.10gb', 'memory.total': 2 ** 33 },
      '0/1': { uuid: 'MIG-two', name: 'NVIDIA H100 80GB HBM3 MIG 1g.10gb', 'memory.total': 2 ** 33 },
    },
    trialOn: 'MIG-one',
    codes: ['energy-shared'],
    repeatsWithEnergy: 0,
  },
  // A driver before the fields, and no counter: all repeats together are long enough for means over a second.
  'average power alone': {
    devices: {
      0: working({
        energy: REFUSED,
        'power.instant': REFUSED,
        'power.average': Object.fromEntries(TICKS.map((t) => [t, Math.round(averageMilliwatts(t))])),
      }),
    },
    codes: ['window-too-short'],
    repeatsWithEnergy: 1,
    tolerance: 0.05,
  },
  'another process': {
    devices: {
      0: working({
        processes: { 0: `${process.pid}:1`, 10: `${process.pid}:1,1:5`, 11: `${process.pid}:1` },
      }),
    },
    codes: ['foreign-process'],
    repeatsWithEnergy: 5,
  },
  heat: {
    devices: { 0: working(during('throttle', 10, 11, () => 0x40)) },
    codes: ['thermal-throttle'],
    repeatsWithEnergy: 5,
  },
} as const satisfies Record<string, Fault>;

export type FaultName = keyof typeof FAULTS;

/**
 * Plays a fault through the library, the meters, the recorder and the judge, in the time of the script: 38
 * seconds pass at once.
 */
export async function playFault(library: string, name: FaultName): Promise<Judgement> {
  const { devices, trialOn = 'GPU-aaaa' }: Fault = FAULTS[name];
  const clock = process.hrtime.bigint;
  const setTime = (seconds: number) => {
    setStubTime(seconds);
    process.hrtime.bigint = () => BigInt(Math.round(seconds * 1e9));
  };
  try {
    setTime(0);
    const nvml = await openScripted(library, devices, { clock: 'scripted' });
    const settings = { energy: 'auto' as const, replayFile: null, procRoot: '/nowhere', sysRoot: '/nowhere' };
    const { meters, absent, periods } = findMeters(settings, { nvml }, trialOn, 'on');
    const recorder = new Recorder(meters, periods);
    recorder.start();
    recorder.attach({ processes: [{ pid: process.pid }], deviceId: trialOn, cpus: [] });
    for (const seconds of TICKS.slice(1)) {
      setTime(seconds);
      recorder.rest();
    }
    setTime(monotonicSeconds() + TICK_SECONDS);
    recorder.stop();
    nvml.close();
    return judge(calmInput({ phases: PHASES, samples: withHost(recorder.series(0)), absent }));
  } finally {
    process.hrtime.bigint = clock;
  }
}

/** The host's side of the trial, whose readings no GPU gives. */
function withHost(device: readonly SampleSeries[]): SampleSeries[] {
  const host = calmSamples(PHASES).filter(({ quantity }) => /^(process|system|agent)/.test(quantity));
  return [...device, ...host];
}
