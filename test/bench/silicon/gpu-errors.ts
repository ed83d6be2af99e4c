import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { groupBy } from '../../../core/maps.js';
import { requireHardware } from '../../../roofline/hardware/catalogue.js';
import { bandsOf } from './bands.js';
import { errorsOf } from './judged.js';
import type { Judged } from './splits.js';

/** How far predictions of one metric were off on the measured servers of a device and an engine. */
export interface GpuError {
  /** As the catalogue of hardware names it. */
  readonly device: string;
  readonly engine: string;
  readonly metric: Metric;
  /** Distinct measured servers under a load. */
  readonly points: number;
  /** Of |predicted / measured - 1|. */
  readonly medianError: number;
  readonly p90Error: number;
  /** Share of points within their band of 90 %. */
  readonly coverage: number;
  readonly fittedOn: string;
}

type Metric = 'tpot' | 'ttft';

const MISSES: Readonly<Record<Metric, (one: Judged) => number>> = {
  tpot: ({ tpotMiss }) => tpotMiss,
  ttft: ({ ttftMiss }) => ttftMiss,
};

const FILE = join(import.meta.dirname, '../../../docs/figures/gpu-errors.json');

/** @returns errors by device, engine and metric. @param judged each with its model left out. */
export function gpuErrors(judged: readonly Judged[], fittedOn: string): GpuError[] {
  return (Object.keys(MISSES) as Metric[]).flatMap((metric) => {
    const missOf = MISSES[metric];
    const widths = bandsOf(judged, missOf);
    const cells = groupBy(
      judged,
      ({ of: { point } }) => `${requireHardware(point.device).id} ${point.engine}`,
    );
    return [...cells]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, own]): GpuError => {
        const [device, engine] = key.split(' ') as [string, string];
        const { points, median, p90 } = errorsOf(own.map(missOf));
        const held = own.filter((one) => Math.abs(missOf(one)) <= widths.get(one)!).length;
        return {
          device,
          engine,
          metric,
          points,
          medianError: Number(median.toFixed(4)),
          p90Error: Number(p90.toFixed(4)),
          coverage: Number((held / points).toFixed(4)),
          fittedOn,
        };
      });
  });
}

/** Writes docs/figures/gpu-errors.json, from which docs/gpus.md has its table. */
export function writeGpuErrors(errors: readonly GpuError[]): void {
  writeFileSync(FILE, `${JSON.stringify(errors, null, 2)}\n`);
}
