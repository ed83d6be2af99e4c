import { groupBy } from '../../core/maps.js';
import { type Ceilings, publishedCeilings } from '../ceilings.js';
import type { Hardware } from '../hardware/figure.js';
import {
  encodeSurfaces,
  figuresOf,
  OPERATOR_FACTORS_SCHEMA,
  type OperatorFactors,
  type SurfaceTable,
} from './factors-file.js';
import { FAMILIES } from './families.js';
import type { Family, Measurement } from './family.js';
import { fitOperators } from './fit-operators.js';
import { refusalOf } from './refusal.js';
import { compareReleases } from './release.js';

/** All measurements of one family with one release of an engine on one device. */
export interface MeasuredFamily {
  readonly engine: string;
  readonly release: string;
  readonly family: Family;
  readonly measurements: readonly Measurement[];
}

/** Factors of a device, and what was left out with the reason, a sentence each. */
export interface DeviceFit {
  readonly factors: OperatorFactors;
  readonly leftOut: readonly string[];
}

/** Fits every family that was measured on a device. */
export function fitDevice(device: Hardware, measured: readonly MeasuredFamily[], source: string): DeviceFit {
  const ceilings = publishedCeilings(device);
  const { surfaces, refused } = usableSurfaces(measured, ceilings);
  const leftOut = refused.map(
    ({ engine, release, family, surface, reason }) =>
      `${family.name} ${surface} of ${engine} ${release} on ${device.id}: ${reason}`,
  );
  const fitted = surfaces.map(({ engine, release, family, surface, measurements }): SurfaceTable => {
    const fit = fitOperators(family, measurements, ceilings);
    const table = { engine, release, family: family.name, surface, excessSeconds: 0, ...figuresOf(fit) };
    return { table, slowdown: fit.slowdown };
  });
  return {
    factors: {
      schema: OPERATOR_FACTORS_SCHEMA,
      device: device.id,
      source,
      grids: Object.fromEntries(
        FAMILIES.filter(({ name }) => fitted.some(({ table }) => table.family === name)).map(
          ({ name, grid }) => [name, grid.map((nodes) => [...nodes])],
        ),
      ),
      ...encodeSurfaces(withExcess(fitted)),
    },
    leftOut,
  };
}

/** Tables that other releases' and whole runs contradict: what was timed is not what the engine runs. */
const FAULTS: Readonly<Record<string, string>> = {
  'vllm 0.19.0 experts int4':
    "up to 1,024 tokens its kernel (Marlin) takes 2.5 to 3.1 times as long as vLLM 0.24's and SGLang's on the same shapes, which no whole run of vLLM shows",
};

const knownFault = ({ engine, release, family, surface }: MeasuredSurface): string | null =>
  FAULTS[`${engine} ${release} ${family.name} ${surface}`] ?? null;

/** Measurements of one surface. */
interface MeasuredSurface extends MeasuredFamily {
  readonly surface: string;
}

/**
 * @returns of each surface of an engine the newest release that can be used, and what was refused and why: a
 *   table that is of no use hides no other release's.
 */
export function usableSurfaces(
  measured: readonly MeasuredFamily[],
  ceilings: Ceilings,
): {
  readonly surfaces: MeasuredSurface[];
  readonly refused: readonly (MeasuredSurface & { readonly reason: string })[];
} {
  const refused: (MeasuredSurface & { readonly reason: string })[] = [];
  const usable = measured.flatMap(surfacesOf).filter((one) => {
    const reason = knownFault(one) ?? refusalOf(one.family, one.measurements, ceilings);
    if (reason !== null) refused.push({ ...one, reason });
    return reason === null;
  });
  return { surfaces: newestOf(usable), refused };
}

const surfacesOf = (one: MeasuredFamily): MeasuredSurface[] =>
  [...groupBy(one.measurements, ({ call }) => one.family.coordinatesOf(call).surface)].map(
    ([surface, measurements]) => ({ ...one, surface, measurements: fastest(measurements) }),
  );

/** Newer tables of fewer measurements than this share of an older's hold some new model's calls alone. */
const WHOLE_TABLE = 0.5;

/** Of each surface of an engine the newest release that was measured as widely as others. */
function newestOf(all: readonly MeasuredSurface[]): MeasuredSurface[] {
  const groups = groupBy(all, ({ engine, family, surface }) => `${engine} ${family.name} ${surface}`);
  return [...groups.values()].map((group) => {
    const most = Math.max(...group.map(({ measurements }) => measurements.length));
    const whole = group.filter(({ measurements }) => measurements.length >= WHOLE_TABLE * most);
    return whole.sort((a, b) => compareReleases(b.release, a.release))[0]!;
  });
}

/** Of a call that was measured more than once, by several kernels: an engine takes the fastest. */
function fastest(measurements: readonly Measurement[]): Measurement[] {
  const best = new Map<string, Measurement>();
  for (const one of measurements) {
    const key = JSON.stringify(Object.values(one.call));
    const other = best.get(key);
    if (other === undefined || one.seconds < other.seconds) best.set(key, one);
  }
  return [...best.values()];
}

/** Floors that differ by less may do so by kernel, the more likely the nearer they are. */
const FLOOR_RATIO = 1.5;

/**
 * What the smallest calls of a family take on a device is the same for all engines, as far as formats are the
 * same: where an engine's table says more, its calls were timed with something around them.
 */
function withExcess(all: readonly SurfaceTable[]): SurfaceTable[] {
  return all.map(({ table, slowdown }) => {
    const family = FAMILIES.find(({ name }) => name === table.family)!;
    if (family.longestLaunchSeconds === null) return { table, slowdown };
    const alike = all.filter(
      ({ table: other }) => other.family === table.family && other.surface === table.surface,
    );
    const least = Math.min(...alike.map(({ table: { launchSeconds } }) => launchSeconds));
    const doubt = Math.min(1, (table.launchSeconds / least - 1) / (FLOOR_RATIO - 1));
    const excess = doubt * (table.launchSeconds - least);
    return { table: { ...table, excessSeconds: Number(excess.toPrecision(4)) }, slowdown };
  });
}
