import type { RoofReading, Roofs } from '../../core/result/roofs.js';
import type { MachineTime } from './machine.js';
import { isConfirmed } from './take.js';

/** Of the CPU time that the machine had: more than this was taken by its host. */
const MOST_STEAL = 0.01;
/** Cores that others used on average. */
const MOST_FOREIGN_CORES = 0.1;
/** A roof with more threads that is lower than one with fewer was disturbed. */
const DROP = 0.95;

export interface Disturbance {
  readonly before: MachineTime | null;
  readonly after: MachineTime | null;
  /** CPU time of the child that measured. */
  readonly childCpuSeconds: number;
  readonly cpus: number;
  readonly governor: string | null;
}

/** @returns what other work on the machine may have done to the roofs, one sentence each. */
export function doubtsOfMachine({ before, after, childCpuSeconds, cpus, governor }: Disturbance): string[] {
  const doubts: string[] = [];
  if (before === null || after === null) {
    doubts.push('nothing tells whether other processes ran meanwhile: the system has no /proc/stat');
  } else {
    const seconds = after.seconds - before.seconds;
    const steal = (after.stealCpuSeconds - before.stealCpuSeconds) / (seconds * cpus);
    const own = childCpuSeconds + after.ownCpuSeconds - before.ownCpuSeconds;
    const foreign = (after.busyCpuSeconds - before.busyCpuSeconds - own) / seconds;
    if (steal > MOST_STEAL) doubts.push(`the host took ${percent(steal)} of the CPU time meanwhile (steal)`);
    if (foreign > MOST_FOREIGN_CORES) {
      doubts.push(
        `other processes used ${foreign.toFixed(1)} cores meanwhile: run it again when the machine is quiet`,
      );
    }
  }
  if (governor !== null && governor !== 'performance') {
    doubts.push(`the CPU governor is ${governor}: clocks may have changed`);
  }
  return doubts;
}

/** @returns what the readings themselves say against the roofs. */
export function doubtsOfReadings({
  bandwidth,
  compute,
  launchSeconds,
}: Pick<Roofs, 'bandwidth' | 'compute' | 'launchSeconds'>): string[] {
  const named: { readonly name: string; readonly threads: number; readonly reading: RoofReading }[] = [
    ...bandwidth.map((roof) => ({
      name: `${roof.level} ${roof.access}`,
      threads: roof.threads,
      reading: roof.bytesPerSecond,
    })),
    ...compute.map((roof) => ({
      name: `${roof.arithmetic} ${roof.unit}`,
      threads: roof.threads,
      reading: roof.flopsPerSecond,
    })),
  ];
  const doubts: string[] = [];
  const lone = named.filter(({ reading }) => !isConfirmed({ kind: 'compute', samples: reading.samples }));
  if (lone.length > 0) {
    const names = lone.slice(0, 3).map(({ name, threads }) => `${name} at ${threadsOf(threads)}`);
    const others = lone.length > 3 ? ` and ${lone.length - 3} more` : '';
    doubts.push(
      `the best value was reached once only, so the roof may be higher: ${names.join(', ')}${others}`,
    );
  }
  for (const roof of named) {
    const fewer = named.find(
      ({ name, threads, reading }) =>
        name === roof.name && threads < roof.threads && reading.value * DROP > roof.reading.value,
    );
    if (fewer !== undefined) {
      doubts.push(`${roof.name} is lower at ${threadsOf(roof.threads)} than at ${threadsOf(fewer.threads)}`);
    }
  }
  if (launchSeconds !== null && launchSeconds.value > 1e-3) {
    doubts.push(
      `a launch takes ${(launchSeconds.value * 1e3).toFixed(1)} ms at best: the threads did not run at once`,
    );
  }
  return doubts;
}

const percent = (share: number) => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
const threadsOf = (count: number) => (count === 1 ? '1 thread' : `${count} threads`);
