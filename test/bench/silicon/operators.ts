import { devicesIn, readTables } from '../../../agent/factors/operator-tables.js';
import { groupBy } from '../../../core/maps.js';
import { publishedCeilings } from '../../../roofline/ceilings.js';
import type { Hardware } from '../../../roofline/hardware/figure.js';
import { engineName } from '../../../roofline/operators/engines.js';
import { usableSurfaces } from '../../../roofline/operators/fit-device.js';
import { unseenResiduals } from '../../../roofline/operators/fit-operators.js';
import { median, quantile } from '../../../statistics/quantile.js';
import type { Figure } from '../figure.js';

/** How a surface does on shapes that its fit had not seen. */
interface Judged {
  readonly device: string;
  readonly engine: string;
  readonly release: string;
  /** `product bf16`, `attention decode`: what claims are made of. */
  readonly kind: string;
  readonly measurements: number;
  /** |predicted / measured − 1| of each measurement. */
  readonly errors: readonly number[];
}

/** Median errors on unseen shapes that are claimed; other kinds are printed. */
const CLAIMS: readonly (readonly [kind: RegExp, most: number])[] = [
  [/^product bf16$/, 0.08],
  [/^product fp8/, 0.12],
  [/^attention/, 0.1],
  [/^experts/, 0.15],
  [/^collective/, 0.15],
];

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

/**
 * Leaves whole shapes out of the fit of each table (pairs of n and k, head configurations, experts' sizes,
 * message lengths), and prints how far predictions of these lie off, by device and engine.
 * @param folder with a folder for each device, as `systems/data` of the wheel.
 */
export async function judgeOperators(folder: string): Promise<Figure[]> {
  console.log('operators on shapes that their fits had not seen');
  console.log('device | engine | operators | measurements | median error | 90th percentile');
  const judged: Judged[] = [];
  const { devices } = await devicesIn(folder);
  for (const [device, path] of devices) {
    const own = await judgeDevice(device, path);
    print(own);
    judged.push(...own);
  }
  return CLAIMS.map(([kind, most]) => claim(judged, kind, most));
}

async function judgeDevice(device: Hardware, path: string): Promise<Judged[]> {
  const ceilings = publishedCeilings(device);
  const { measured } = await readTables(path);
  const { surfaces } = usableSurfaces(measured, ceilings);
  return surfaces.flatMap(({ engine, release, family, surface, measurements }) => {
    const errors = unseenResiduals(family, measurements, ceilings).map((residual) =>
      Math.abs(Math.expm1(residual)),
    );
    if (errors.length === 0) return [];
    const kind = `${family.name} ${surface.split(' ')[0]}`;
    return [{ device: device.id, engine, release, kind, measurements: measurements.length, errors }];
  });
}

function print(judged: readonly Judged[]): void {
  for (const group of rowsOf(judged)) {
    const [{ device, engine, release, kind }] = group as [Judged];
    const errors = group.flatMap((one) => one.errors);
    const measurements = group.reduce((sum, one) => sum + one.measurements, 0);
    console.log(
      `${device} | ${engineName(engine)} ${release} | ${kind} | ${measurements} | ${percent(median(errors))} | ${percent(quantile(errors, 0.9))}`,
    );
  }
}

const rowsOf = (judged: readonly Judged[]) => [
  ...groupBy(
    judged,
    ({ device, engine, release, kind }) => `${device} ${engine} ${release} ${kind}`,
  ).values(),
];

/** Each device and engine by itself: the worst of them is what a claim rests on. */
function claim(judged: readonly Judged[], kind: RegExp, most: number): Figure {
  const own = judged.filter((one) => kind.test(one.kind));
  const cells = [...groupBy(own, ({ device, engine }) => `${device} ${engine}`)].map(([name, group]) => ({
    name,
    error: median(group.flatMap(({ errors }) => errors)),
  }));
  const short = cells.filter(({ error }) => error > most);
  const pooled = median(own.flatMap(({ errors }) => errors));
  const named = short.map(({ name, error }) => `${name} ${percent(error)}`).join(', ');
  return {
    claim: `median error of ${kind.source.replace(/[\^$]/g, '')} on unseen shapes, by device and engine`,
    measured: `${percent(pooled)} in all; ${cells.length - short.length} of ${cells.length} within${named === '' ? '' : ` (beyond: ${named})`}`,
    required: `at most ${percent(most)} in each`,
    holds: short.length === 0,
  };
}
