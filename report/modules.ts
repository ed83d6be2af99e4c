import { getOrMake } from '../core/maps.js';
import { type ProfiledPhase, profileCost } from '../core/result/profile-record.js';
import { MODULES } from '../core/work/work.js';
import { type ModuleRow, moduleRows } from '../roofline/profile/table.js';
import type { Row } from './rows.js';

/** What the modules of a model took in one phase of the rows that were profiled. */
export interface ModuleTable {
  readonly phase: ProfiledPhase['name'];
  /** Those that some row has, in the order in which a token passes them. */
  readonly modules: readonly ModuleRow['module'][];
  readonly lines: readonly {
    readonly row: Row;
    readonly shares: ReadonlyMap<ModuleRow['module'], number>;
    /** How much longer the phase took because it was profiled: 0.1 = a tenth. */
    readonly cost: number;
  }[];
}

/**
 * @returns of rows that were profiled (`measure.profile`) the share of each module in each phase, by the
 *   first start that has them.
 */
export function modulesOf(rows: readonly Row[]): ModuleTable[] {
  const tables = new Map<ProfiledPhase['name'], ModuleTable['lines'][number][]>();
  for (const row of rows) {
    if (row.state === 'failed') continue;
    const profile = [row.trial, ...row.starts].find((start) => start.profile !== null)?.profile;
    for (const phase of profile?.phases ?? []) {
      const shares = new Map(moduleRows(phase, null).map(({ module, share }) => [module, share]));
      getOrMake(tables, phase.name, () => []).push({ row, shares, cost: profileCost(phase) });
    }
  }
  return [...tables].map(([phase, lines]) => ({
    phase,
    modules: [...MODULES, 'around' as const].filter((name) => lines.some(({ shares }) => shares.has(name))),
    lines,
  }));
}

/** @returns heads of the columns of `moduleCells`. */
export const moduleHeads = ({ modules }: ModuleTable): readonly string[] => [...modules, 'cost'];

const percent = (share: number) => (100 * share).toFixed(1);

/** @returns a line as texts, in percent. */
export const moduleCells = (
  { modules }: ModuleTable,
  { shares, cost }: ModuleTable['lines'][number],
): readonly string[] => [
  ...modules.map((name) => (shares.has(name) ? percent(shares.get(name)!) : '–')),
  `${cost < 0 ? '−' : '+'}${percent(Math.abs(cost))}`,
];

/** @returns what a table is of, in one line. */
export const moduleTitle = ({ phase }: ModuleTable): string =>
  `${phase} by module: % of its time where every operator is timed by itself, and by how much that makes it longer (cost)`;
