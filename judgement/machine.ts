import { deviceKind } from '../core/experiment/experiment.js';
import { METRICS, type MetricName } from '../core/metrics/catalogue.js';
import { gaugeMax, gaugeMean, type Reading, readingsInside, type Window } from '../core/metrics/integrate.js';
import { type Warning, warn } from '../core/result/warnings.js';
import { clockWarnings, clockWentBack, lockWarnings, throttleGates } from './clocks.js';
import { spanReading } from './coverage.js';
import { cpuGates, cpuUse } from './cpu.js';
import { distantCores, sharedCores } from './disturbance.js';
import { single } from './entries.js';
import type { Evidence, Findings } from './evidence.js';

/**
 * CPU use, clocks, temperatures and memory, with the gates that depend on them. CPU shares are taken over the
 * whole measured part, including pauses, and never per phase, because a decode phase of 50 ms is only five
 * ticks long.
 */
export function machineFindings(evidence: Evidence): Findings {
  const { input, series, span } = evidence;
  const reasonOf = (quantity: string) =>
    input.absent[quantity] ??
    (input.experiment.measure.meters === 'off' ? 'the meters were off' : `${quantity} was not sampled`);
  const onCpu = deviceKind(input.experiment.device) === 'cpu';
  const clock = onCpu ? 'cpuClockHertz' : 'deviceClockHertz';
  const whole = wholeTrial(evidence);
  const use = cpuUse(evidence, reasonOf);
  const peak = (quantity: string): Reading => {
    const found = series.get(quantity);
    if (found === undefined || whole === null) return { value: null, reason: reasonOf(quantity) };
    return gaugeMax(found, whole);
  };
  const kernelPeak = peak('processPeakResidentBytes');
  const sampledPeak = peak('processResidentBytes');
  // For a tree of processes the kernel reports no peak, or only the peak from when there was a single
  // process.
  const byKernel = kernelPeak.value !== null && kernelPeak.value >= (sampledPeak.value ?? 0);
  const resident = byKernel ? kernelPeak : sampledPeak;
  const ratio = (part: Reading) => combine(part, use.total, (a, b) => a / b);
  const foreign = combine(use.busy, use.process, (busy, process) => Math.max(0, busy - process));
  const readings = METRICS.flatMap(({ name, reading }) => {
    if (reading === null) return [];
    const quantity = onCpu ? reading.onCpu : reading.onDevice;
    const found =
      reading.by === 'peak'
        ? peak(quantity)
        : spanReading(series.get(quantity), span, reasonOf(quantity), gaugeMean);
    return [{ name, quantity, found }];
  });
  const foundOf = (name: MetricName) =>
    readings.find((reading) => reading.name === name)?.found.value ?? null;
  const entry = (reading: Reading, source: string | null = null) =>
    single(reading.value, reading.value === null ? reading.reason : '', source);
  return {
    entries: {
      processCores: entry(use.process),
      systemBusyRatio: entry(ratio(use.busy)),
      stealRatio: entry(ratio(use.steal)),
      foreignCores: entry(foreign),
      peakResidentBytes: entry(resident, byKernel ? 'kernel' : 'sampled'),
      ...Object.fromEntries(readings.map(({ name, found }) => [name, entry(found, 'sampled')])),
    },
    warnings: [
      ...clockWentBack(input),
      ...cpuGates(evidence, use),
      ...sharedCores(foundOf('coreShareRatio'), input.experiment.measure),
      // A single thread does not wait for others, so the distance between cores does not matter.
      ...(input.experiment.runner.options.threads === 1
        ? []
        : distantCores(foundOf('coreLatencyRatio'), input.experiment.measure)),
      ...clockWarnings(evidence, series.get(clock), clock),
      ...lockWarnings(evidence, series.get(clock), clock),
      ...throttleGates(evidence),
      ...deviceGates(evidence),
    ],
    gaps: gapsIn(
      new Map([
        ['processCpuSeconds', use.process],
        ['systemBusyCpuSeconds', use.busy],
        ['systemTotalCpuSeconds', use.total],
        ...readings.map(({ quantity, found }) => [quantity, found] as const),
      ]),
    ),
  };
}

/** Everything that was read, from the first reading or phase to the last. */
function wholeTrial({ all, input }: Evidence): Window | null {
  const times = [
    ...all.flatMap((s) => [s.seconds[0]!, s.seconds.at(-1)!]),
    ...input.phases.flatMap((p) => [p.startSeconds, p.endSeconds]),
  ];
  return times.length === 0 ? null : { startSeconds: Math.min(...times), endSeconds: Math.max(...times) };
}

function combine(a: Reading, b: Reading, by: (a: number, b: number) => number): Reading {
  if (a.value === null) return a;
  if (b.value === null) return b;
  const value = by(a.value, b.value);
  if (!Number.isFinite(value)) return { value: null, reason: 'the total CPU time did not move' };
  return { value, gapSeconds: null };
}

function gapsIn(readings: ReadonlyMap<string, Reading>): Map<string, number> {
  const found = new Map<string, number>();
  for (const [quantity, reading] of readings) {
    if (reading.value !== null && reading.gapSeconds !== null) found.set(quantity, reading.gapSeconds);
  }
  return found;
}

/**
 * Warnings from what an accelerator's driver reports: other processes that computed on the device, and
 * readings that it did not give.
 */
function deviceGates({ input, series, span }: Evidence): Warning[] {
  return [...sharedDevice(series.get('otherDeviceProcesses'), span), ...refusals(input.samples)];
}

function sharedDevice(others: ReturnType<Evidence['series']['get']>, span: Evidence['span']): Warning[] {
  if (others === undefined || span === null) return [];
  const counts = readingsInside(others, span);
  const seen = counts.filter((count) => count > 0).length;
  if (seen === 0) return [];
  const most = counts.reduce((max, count) => Math.max(max, count), 0);
  const whose = most === 1 ? 'another process' : `${most} other processes`;
  return [warn('foreign-process', `${whose} computed on the device in ${seen} of ${counts.length} readings`)];
}

function refusals(samples: Evidence['input']['samples']): Warning[] {
  const refused = samples.flatMap(({ quantity, values, refused }) =>
    refused === undefined ? [] : [`${quantity} (${refused} of ${values.length + refused} readings)`],
  );
  if (refused.length === 0) return [];
  return [
    warn('meter-refused', `the driver refused or gave what stands for no value: ${refused.join(', ')}`),
  ];
}
