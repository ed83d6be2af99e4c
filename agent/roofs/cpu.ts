import { failed } from '../../core/errors.js';
import { ACCESSES, ROOFS_SCHEMA, type RoofReading, type Roofs } from '../../core/result/roofs.js';
import { taskOf } from '../../process/isolation/job.js';
import { roofsUnderWider } from '../../roofline/roof-warnings.js';
import { caveatsOfMachine, caveatsOfReadings } from './caveats.js';
import { cpuEnvironment } from './environment.js';
import { ROOFS } from './jobs.js';
import { freeBytes, readMachineTime } from './machine.js';
import type { RoofsExtent, RoofsMeasurer } from './measurer.js';
import { planRoofs, threadCounts } from './plan.js';
import { reading, takeInChild } from './readings.js';
import type { RoofsJob, Taken } from './take.js';
import { readTopology } from './topology.js';

const PACES = {
  all: { repeats: 5, leastRounds: 2, mostRounds: 12, secondsForRounds: 60, accesses: ACCESSES },
  // Rows stand under what can be read: without the other accesses an array is enough, and most of the time is
  // saved.
  rows: { repeats: 3, leastRounds: 2, mostRounds: 12, secondsForRounds: 8, accesses: ['read'] },
  quick: { repeats: 3, leastRounds: 1, mostRounds: 1, secondsForRounds: 15, accesses: ACCESSES },
} as const satisfies Record<RoofsExtent, Omit<RoofsJob, 'threads'>>;

/** Roofs of CPUs, by our own kernels in a child process that may use these CPUs alone. */
export const cpuRoofs: RoofsMeasurer = {
  classes: ['cpu'],
  environment: (device) => cpuEnvironment(device),
  async measure(device, { extent = 'all', threads, onProgress, signal }) {
    const topology = readTopology(device.cpus);
    const counts = threads === undefined ? threadCounts(topology) : checked(threads, device.cpus.length);
    const pace = PACES[extent];
    const plan = planRoofs(topology, counts, freeBytes(), pace.accesses);
    const environment = cpuEnvironment(device);
    const task = taskOf(ROOFS, { threads: plan.threads, ...pace });
    const taken = await takeInChild(task, device.cpus, { onProgress, signal });
    const { instructions, disturbed } = taken;
    const readings = compose(taken.roofs);
    return {
      schema: ROOFS_SCHEMA,
      device: { id: device.id, class: device.classes.at(-1) ?? 'cpu', name: device.name },
      measuredAt: new Date().toISOString(),
      environment,
      ...readings,
      instructions,
      links: [],
      warnings: [
        ...disturbed.map((message) => ({ code: 'disturbed' as const, message })),
        ...roofsUnderWider(readings.compute),
      ],
      caveats: [
        ...(extent === 'quick' ? ['measured quickly: one round of a few repeats'] : []),
        ...plan.caveats,
        ...caveatsOfMachine(environment.governor as string | null, readMachineTime() !== null),
        ...caveatsOfReadings(readings),
      ],
      absent: {
        ...plan.absent,
        ...taken.absent,
        ...notTaken(pace.accesses),
        links: 'a CPU has no link of its own',
      },
    } satisfies Roofs;
  },
};

/** Accesses that were left out, with the reason. */
function notTaken(taken: readonly string[]): Record<string, string> {
  const others = ACCESSES.filter((access) => !taken.includes(access));
  return others.length === 0
    ? {}
    : { [others.join(', ')]: 'no row stands under them, so that they are left to `ridge roofs`' };
}

/** @throws FailureError for a number of threads that the device does not have. */
function checked(threads: readonly number[], cpus: number): number[] {
  const wrong = threads.find((count) => !Number.isInteger(count) || count < 1 || count > cpus);
  if (wrong === undefined && threads.length > 0) return [...new Set(threads)].sort((a, b) => a - b);
  const message = `roofs at ${wrong ?? 'no'} threads cannot be measured: the device has ${cpus} CPUs, so 1 to ${cpus} threads`;
  throw failed('impossible-combination', message, 'name such a number');
}

function compose(taken: readonly Taken[]): Pick<Roofs, 'bandwidth' | 'compute' | 'launchSeconds'> {
  const bandwidth = new Map<string, Roofs['bandwidth'][number]>();
  const compute: Roofs['compute'] = [];
  let launchSeconds: RoofReading | null = null;
  let launchThreads = 0;
  for (const roof of taken) {
    const { threads } = roof;
    if (roof.kind === 'compute') {
      const { arithmetic, unit, instructions } = roof;
      const flopsPerSecond = reading(roof.samples, Math.max);
      const by = instructions === undefined ? {} : { instructions };
      compute.push({ arithmetic, unit, threads, flopsPerSecond, ...by });
    } else if (roof.kind === 'launch') {
      // Of all threads: those of a trial are woken and joined together.
      if (threads < launchThreads) continue;
      launchThreads = threads;
      launchSeconds = reading(roof.samples, Math.min);
    } else {
      const { level, access, workingSetBytes, stores } = roof;
      const own = {
        level,
        access,
        threads,
        workingSetBytes,
        bytesPerSecond: reading(roof.samples, Math.max),
        ...(access !== 'read' && { stores }),
      };
      const key = `${level} ${access} ${threads}`;
      const other = bandwidth.get(key);
      if (other === undefined || own.bytesPerSecond.value > other.bytesPerSecond.value)
        bandwidth.set(key, own);
    }
  }
  return { bandwidth: [...bandwidth.values()], compute, launchSeconds };
}
