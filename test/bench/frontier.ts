/**
 * bench:frontier: does a search through the real `ridge run` find the front of `docs/examples/frontier.yaml`
 * in ten minutes of this machine, and what does it miss? Beside nobody and beside a burner of a whole CPU.
 * What it misses is known against the whole grid, which is measured once: every point one start in random
 * order, and what may stand on its front further ones, as the search does it (two hours; --full makes it, and
 * goes on where it was cut short, --for=MINUTES at a time). Then the regret is printed: the share of the
 * volume under the grid's front that the search's front leaves uncovered, in logarithms of the objectives,
 * its configurations being valued by what the grid measured of them. That is hard on the search: of a
 * thousand noisy points, the best of the grid are also the luckiest. What it is by the search's own numbers
 * stands beside it.
 *
 * Each run has a cache of its own, so that making files is in its time. Searches in the folder that came to
 * an end are kept, others begin again.
 *
 *   npm run bench -- frontier [--out=FOLDER] [--full [--for=MINUTES]] [--short] --short: 32 points, to try
 *   this bench
 */

import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import type { Objective } from '../../core/sweep/spec.js';
import { quotedOf } from '../../report/quoted.js';
import type { Row } from '../../report/rows.js';
import { ROOT, ridge } from '../support/ridge.js';
import { beside, NEIGHBOURS, type Neighbour } from './answers/neighbours.js';
import { conclude, type Figure } from './figure.js';
import {
  deviceSeconds,
  discardUnended,
  goOn,
  keptIn,
  minutesAsked,
  type Rows,
  rowsIn,
} from './search/sweep-run.js';
import { type TaskPoint, Volume } from './search/task.js';

const argument = (name: string) =>
  process.argv.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3);
const out = argument('out') ?? mkdtempSync(join(tmpdir(), 'ridgepoint-frontier-'));
const say = (line: string): void => void process.stderr.write(`frontier: ${line}\n`);
/** What is promised of the search, in seconds. */
const PROMISED = 600;
/** Of the grid's volume, what the front may leave uncovered. */
const MOST_REGRET = 0.05;

const FEW = {
  techniques: { quantization: ['f16', 'q4_0'] },
  runners: [
    { kind: 'llama-cpp', threads: [1, 2], flashAttention: [false, true], kvCacheTypeK: ['f16', 'q8_0'] },
  ],
  search: { strategy: 'tpe', budget: { trials: 14 } },
};

interface Document {
  readonly metadata: { readonly name: string };
  readonly spec: Record<string, unknown>;
}

const example = parse(readFileSync(join(ROOT, 'docs/examples/frontier.yaml'), 'utf8')) as Document;
const searched = process.argv.includes('--short')
  ? { ...example, spec: { ...example.spec, ...FEW } }
  : example;
/** The same points, all of them, in an order that no axis follows. */
const whole = {
  ...searched,
  metadata: { name: 'frontier-grid' },
  spec: { ...searched.spec, search: { strategy: 'random', predict: false } },
};

/** Values of objectives as costs are compared: the smaller, the better. */
const valuesOf = (row: Row, objectives: readonly Objective[]): number[] | null => {
  const values = objectives.map(({ metric, better }) => {
    const value = row.state === 'valid' ? (quotedOf(row, metric)?.value ?? null) : null;
    return value === null || better === 'min' ? value : 1 / value;
  });
  return values.some((value) => value === null) ? null : (values as number[]);
};

/** What fronts are judged by. */
class Grid {
  readonly #objectives: readonly Objective[];
  readonly #volume: Volume;
  readonly #values: ReadonlyMap<string, readonly number[] | null>;

  constructor({ rows, objectives }: Rows) {
    this.#objectives = objectives;
    this.#values = new Map(rows.map((row) => [row.experimentId, valuesOf(row, objectives)]));
    const points = [...this.#values].map(
      ([id, values]) => [id, { digits: [], values, seconds: 0, physics: null }] as [string, TaskPoint],
    );
    const metrics = objectives.map(({ metric }) => metric);
    this.#volume = new Volume({ name: 'frontier', axes: [], metrics, points: new Map(points) });
  }

  /** @param own whether rows are valued by what their own run measured, in place of what the grid did. */
  regret(front: readonly Row[], own: boolean): number {
    const values = front.map((row) =>
      own ? valuesOf(row, this.#objectives) : (this.#values.get(row.experimentId) ?? null),
    );
    const covered = this.#volume.of(values.filter((one) => one !== null));
    return 1 - covered / this.#volume.whole;
  }
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

async function search(neighbour: Neighbour): Promise<string> {
  const folder = join(out, neighbour.name);
  discardUnended(folder);
  await beside(neighbour, () => goOn(searched, folder, null));
  return folder;
}

function judged(name: string, folder: string, points: number, grid: Grid | null, took: number): Figure[] {
  const kept = keptIn(folder)!;
  const found = rowsIn(folder)!;
  const front = found.rows.filter(({ onFront }) => onFront);
  const share = (one: number) => (took > 0 ? `, ${percent(one / took)} of the grid's device-seconds` : '');
  const spared = 1 - found.rows.length / points;
  const about = `${front.length} rows on the front of ${found.rows.length} points; ${percent(spared)} of ${points} spared`;
  const figures: Figure[] = [
    {
      claim: `beside ${name}: the search ends by itself with a front`,
      measured: `${kept.seconds.toFixed(0)} s (${kept.ended}); ${about}${share(deviceSeconds(found.records))}`,
      required: `${PROMISED} s, a front`,
      holds: kept.seconds <= PROMISED && front.length > 0,
    },
  ];
  if (grid === null) return figures;
  const regret = grid.regret(front, false);
  figures.push({
    claim: `beside ${name}: regret of its front`,
    measured: `${percent(regret)} by what the grid measured; ${percent(grid.regret(front, true))} by its own numbers`,
    required: `at most ${percent(MOST_REGRET)}`,
    holds: regret <= MOST_REGRET,
  });
  return figures;
}

const fullFolder = join(out, 'grid');
if (process.argv.includes('--full')) {
  await goOn(whole, fullFolder, minutesAsked(argument('for')));
}
mkdirSync(out, { recursive: true });
const plan = join(out, 'plan.yaml');
writeFileSync(plan, stringify(searched));
const planned = (await ridge(['plan', plan])).stdout;
say(`the whole grid, one start each: ${/time: (.*)/.exec(planned)?.[1] ?? 'nobody knows how long'}`);
const points = Number(/([\d,]+) experiments/.exec(planned)![1]!.replaceAll(',', ''));
const measured = rowsIn(fullFolder);
const isWhole = (keptIn(fullFolder)?.ended ?? null) !== null;
say(`the grid: ${measured?.rows.length ?? 0} of ${points} points are measured`);
const figures: Figure[] = [];
const took = isWhole ? deviceSeconds(measured!.records) : 0;
const grid = isWhole ? new Grid(measured!) : null;
for (const neighbour of NEIGHBOURS.filter(({ name }) => name === 'nobody' || name === 'burner-100')) {
  figures.push(...judged(neighbour.name, await search(neighbour), points, grid, took));
}
if (grid === null)
  say(`regret is not known before the whole grid is: npm run bench -- frontier --full --out=${out}`);
conclude('frontier', figures);
