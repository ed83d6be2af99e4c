/**
 * Every meter of an agent, and what its readings are of: the whole node, the device that a trial has, or the trial's own process.
 * Meters name themselves by this table, and whoever reads a record tells node and device apart by it.
 */
export const METER_SCOPES = {
  process: 'trial',
  system: 'node',
  clock: 'node',
  temperature: 'node',
  rapl: 'node',
  perf: 'node',
  jetson: 'node',
  apple: 'node',
  powermetrics: 'node',
  replay: 'node',
  nvml: 'device',
  'nvml-state': 'device',
  amd: 'device',
  'amd-state': 'device',
  'intel-gpu': 'device',
} as const satisfies Readonly<Record<string, 'node' | 'device' | 'trial'>>;

export type MeterName = keyof typeof METER_SCOPES;

/** @returns whether readings of this meter are of the whole node, whatever device a trial had. */
export function isOfNode(meter: string): boolean {
  return Object.hasOwn(METER_SCOPES, meter) && METER_SCOPES[meter as MeterName] === 'node';
}
