import type { RoofReading, Roofs } from '../../core/result/roofs.js';
import { isConfirmed } from './take.js';

/** A roof with more threads that is lower than one with fewer was disturbed. */
const DROP = 0.95;

/** @returns what of the machine's state may have changed the roofs, one sentence each. */
export function caveatsOfMachine(governor: string | null, tellsUse: boolean): string[] {
  return [
    ...(tellsUse
      ? []
      : ['nothing tells whether other processes ran meanwhile: the system has no /proc/stat']),
    ...(governor !== null && governor !== 'performance'
      ? [`the CPU governor is ${governor}: clocks may have changed`]
      : []),
  ];
}

/** @returns what the readings themselves say against the roofs. */
export function caveatsOfReadings({
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
  const caveats: string[] = [];
  const lone = named.filter(({ reading }) => !isConfirmed({ kind: 'compute', samples: reading.samples }));
  if (lone.length > 0) {
    const names = lone.slice(0, 3).map(({ name, threads }) => `${name} at ${threadsOf(threads)}`);
    const others = lone.length > 3 ? ` and ${lone.length - 3} more` : '';
    caveats.push(
      `the best value was reached once only, so the roof may be higher: ${names.join(', ')}${others}`,
    );
  }
  for (const roof of named) {
    const fewer = named.find(
      ({ name, threads, reading }) =>
        name === roof.name && threads < roof.threads && reading.value * DROP > roof.reading.value,
    );
    if (fewer !== undefined) {
      caveats.push(`${roof.name} is lower at ${threadsOf(roof.threads)} than at ${threadsOf(fewer.threads)}`);
    }
  }
  if (launchSeconds !== null && launchSeconds.value > 1e-3) {
    caveats.push(
      `a launch takes ${(launchSeconds.value * 1e3).toFixed(1)} ms at best: the threads did not run at once`,
    );
  }
  return caveats;
}

const threadsOf = (count: number) => (count === 1 ? '1 thread' : `${count} threads`);
