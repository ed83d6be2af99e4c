import type {
  OperatorCall,
  OperatorTime,
  OperatorTimes,
  UntimedCall,
} from '../../core/work/operator-call.js';
import { type Ceilings, publishedCeilings } from '../ceilings.js';
import { hardwareNamed } from '../hardware/catalogue.js';
import { deviceDistance, standInSpread } from '../hardware/distance.js';
import type { Hardware } from '../hardware/figure.js';
import { roofTimeOf } from './device-roofs.js';
import { engineName, isSharedLibrary } from './engines.js';
import { decodeSurfaces, type OperatorFactors, type OperatorTable } from './factors-file.js';
import { familyNamed } from './families.js';
import type { Family, Substitute } from './family.js';
import { compareReleases } from './release.js';
import { type Surface, valueAt } from './surface.js';

/** A table, ready to be looked up. */
interface Lookup extends OperatorTable {
  readonly device: Hardware;
  /** How many times longer a call takes than launch and roof. */
  slowdownAt(point: readonly number[]): number;
}

/** Added to a table's own spread where it is of another release: what runs of servers show of these. */
const RELEASE_SPREAD = 0.15;

/**
 * @param tables of all devices.
 * @param engine as folders of tables have it.
 * @param release left out = the newest there is.
 * @returns times of the nearest tables there are: of the device, engine and release itself where these have
 *   any, otherwise of others, with a wider spread and the reason.
 */
export function timesFrom(
  tables: OperatorTables,
  device: Hardware,
  engine: string,
  release: string | null = null,
): OperatorTimes {
  const ceilings = publishedCeilings(device);
  const own = tables.tablesOf(device, engine);
  const newest = own
    .map((table) => table.release)
    .sort(compareReleases)
    .at(-1);
  const source =
    newest === undefined
      ? `tables nearest to ${engineName(engine)} on ${device.name}`
      : `tables of ${engineName(engine)} ${newest} on ${device.name}`;
  const found = new Map<string, Found | null>();
  const timeOf = (call: OperatorCall): OperatorTime | UntimedCall => {
    const family = familyNamed(call.family);
    const key = `${call.family} ${family.coordinatesOf(call).surface}`;
    let table = found.get(key);
    if (table === undefined) {
      table = tables.nearest(family, call, { device, engine, release });
      found.set(key, table);
    }
    return table === null
      ? { seconds: null, reason: `no table of ${key} on a device like ${device.name}` }
      : timeAt(family, call, ceilings, table);
  };
  return { source, timeOf };
}

/** The table that tells of calls of one surface, and what it differs in. */
interface Found {
  readonly table: Lookup;
  /** Place among the substitutes of a call; null = the call itself. */
  readonly substitute: number | null;
  readonly spread: number;
  readonly widened: string | null;
}

function timeAt(
  family: Family,
  call: OperatorCall,
  ceilings: Ceilings,
  { table, substitute, spread, widened }: Found,
): OperatorTime | UntimedCall {
  const work = family.workOf(call);
  const roof = roofTimeOf(work, ceilings);
  if (roof === null) return { seconds: null, reason: `nobody publishes a roof of ${ceilings.name} for it` };
  const stand = substitute === null ? call : family.substitutesOf(call)[substitute]!.call;
  const slowdown = table.slowdownAt(family.coordinatesOf(stand).point);
  const seconds = (table.launchSeconds + roof.seconds) * slowdown - table.excessSeconds;
  // Tables repeat one call, whose weights then lie in a cache; those of a model do not.
  const least = work.bytes / (ceilings.memoryBytesPerSecond * table.reachableShare);
  return {
    seconds: Math.max(seconds, least, roof.seconds),
    roofSeconds: roof.seconds,
    roofs: roof.roofs,
    limit: table.launchSeconds > roof.seconds ? 'launch' : roof.limit,
    spread,
    widened,
  };
}

/** Ways in which a table may differ from what was asked, and how each is said. */
type Difference = readonly [spread: number, words: string];

interface Wanted {
  readonly device: Hardware;
  readonly engine: string;
  readonly release: string | null;
}

/** The tables of several files of factors. */
export class OperatorTables {
  readonly #all: readonly Lookup[];

  constructor(files: readonly OperatorFactors[]) {
    this.#all = files.flatMap((file) => {
      const device = hardwareNamed(file.device);
      return device === null ? [] : lookups(file, device);
    });
  }

  tablesOf(device: Hardware, engine: string): Lookup[] {
    return this.#all.filter((table) => table.device.id === device.id && table.engine === engine);
  }

  /** @returns the table that is nearest to what is wanted; null where none tells of calls like this one. */
  nearest(family: Family, call: OperatorCall, wanted: Wanted): Found | null {
    const calls: readonly (Substitute | null)[] = [null, ...family.substitutesOf(call)];
    const candidates = calls.flatMap((substitute, index) => {
      const { surface } = family.coordinatesOf(substitute?.call ?? call);
      return this.#all
        .filter(
          (table) =>
            table.family === family.name &&
            table.surface === surface &&
            table.device.kind === wanted.device.kind,
        )
        .map((table) => ({
          table,
          substitute,
          place: index - 1,
          ...compared(family, table, substitute, wanted),
        }));
    });
    const [best] = candidates.sort(
      (a, b) =>
        a.distance - b.distance || a.place - b.place || compareReleases(b.table.release, a.table.release),
    );
    if (best === undefined) return null;
    const { table, substitute, place, differences } = best;
    const apart = standInSpread(table.device, wanted.device);
    const widening = differences.reduce((sum, [spread]) => sum + spread ** 2, apart ** 2);
    return {
      table,
      substitute: substitute === null ? null : place,
      spread: Math.sqrt(table.spread ** 2 + widening),
      widened:
        differences.length === 0
          ? null
          : `taken from tables ${differences.map(([, words]) => words).join(', ')}`,
    };
  }
}

function compared(
  { standIn }: Family,
  table: Lookup,
  substitute: Substitute | null,
  { device, engine, release }: Wanted,
) {
  const isOwnDevice = table.device.id === device.id;
  const isOwnEngine = table.engine === engine;
  const isUsed = isOwnEngine || isSharedLibrary(table.engine);
  const isOwnRelease = !isOwnEngine || release === null || release === table.release;
  const differences: readonly Difference[] = [
    ...(isOwnDevice ? [] : [[standIn.device, `on ${table.device.name}`] as const]),
    ...(isUsed ? [] : [[standIn.engine, `of ${engineName(table.engine)} ${table.release}`] as const]),
    ...(isOwnRelease ? [] : [[RELEASE_SPREAD, `of release ${table.release}`] as const]),
    ...(substitute === null ? [] : [[standIn.call, substitute.difference] as const]),
  ];
  return {
    differences,
    distance:
      (substitute === null ? 0 : standIn.call) +
      (isOwnDevice ? 0 : standIn.device + deviceDistance(table.device, device)) +
      (isUsed ? 0 : standIn.engine) +
      (isOwnRelease ? 0 : RELEASE_SPREAD) +
      // An engine's own kernel comes before the library's.
      (isOwnEngine ? 0 : 0.001),
  };
}

/** @returns the tables of a file; its surfaces are decoded when the first of them is looked up. */
function lookups(file: OperatorFactors, device: Hardware): Lookup[] {
  let surfaces: readonly Surface[] | null = null;
  return file.tables.map((table, index) => ({
    ...table,
    device,
    slowdownAt: (point) => {
      surfaces ??= decodeSurfaces(file);
      return Math.exp(valueAt(surfaces[index]!, point));
    },
  }));
}
