import { ROOFS_SCHEMA, type Roofs } from '../../../core/result/roofs.js';

const reading = (value: number) => ({ value, samples: [value * 0.9, value], cv: 0.07 });

/** Roofs of a device with two CPUs: 2 reads twice as fast as 1, and copies no faster than it reads. */
export function sampleRoofs(rest: Partial<Roofs> = {}): Roofs {
  const bandwidth = ([1, 2] as const).flatMap((threads) => [
    {
      level: 'memory' as const,
      access: 'read' as const,
      threads,
      workingSetBytes: 2 ** 28,
      bytesPerSecond: reading(20e9 * threads),
    },
    {
      level: 'memory' as const,
      access: 'copy' as const,
      threads,
      workingSetBytes: 2 ** 28,
      bytesPerSecond: reading(25e9 * threads),
      stores: 'streaming' as const,
    },
    {
      level: 'L1' as const,
      access: 'read' as const,
      threads,
      workingSetBytes: 2 ** 14,
      bytesPerSecond: reading(400e9 * threads),
    },
  ]);
  const PEAKS = [
    ['f32', 'vector', 250e9],
    ['f32', 'matrix', 240e9],
    ['int8', 'matrix', 1e12],
  ] as const;
  const compute = [1, 2].flatMap((threads) =>
    PEAKS.map(([arithmetic, unit, each]) => {
      return { arithmetic, unit, threads, flopsPerSecond: reading(each * threads) };
    }),
  );
  return {
    schema: ROOFS_SCHEMA,
    device: { id: 'cpu0', class: 'cpu', name: 'a processor' },
    measuredAt: '2026-11-25T12:00:00.000Z',
    environment: { cpuModel: 'a processor', kernel: '6.1', governor: null },
    bandwidth,
    compute,
    launchSeconds: reading(2e-6),
    links: [{ name: 'pcie:host-to-device', bytesPerSecond: reading(25e9) }],
    warnings: [],
    caveats: [],
    absent: { 'f16 vector': 'this processor has no arithmetic in half precision' },
    ...rest,
  };
}
