import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openTrials, type Trials } from '../../../agent/door/trials.js';
import { seedFrom } from '../../../core/sweep/identity.js';
import { movedText } from '../../../report/change-text.js';
import { type Change, comparisonOf, type Pair } from '../../../report/compare.js';
import { isFind, metricLabel } from '../../../report/compare-summary.js';
import { FALSE_ALARMS, type Gate, type GateOutcome, judgeGate } from '../../../report/gate.js';
import { normalCdf } from '../../../statistics/distributions.js';
import { pocockBound } from '../../../statistics/group-sequential.js';
import { workError } from '../../exit.js';
import { type Interrupts, onInterrupt } from '../../interrupts.js';
import { localModelFolders } from '../../local-models.js';
import { ownAgentConfig } from '../../node-config.js';
import type { NodeOptions } from '../../options/config.js';
import { say } from '../../output/print.js';
import { DEFAULT_OUT, writeWhole } from '../../report/run-folder.js';
import { lockFolder } from '../../run/folder.js';
import type { CompareOptions } from '../command.js';
import {
  type AgainSide,
  beginStart,
  keepStart,
  openSide,
  rowOf,
  type SweepName,
  secondsOfTrial,
} from './side.js';

/**
 * Looks at what was measured so far, evenly over the time, each at a level that keeps the chance of a false
 * find of all together.
 */
const LOOKS = 4;
const levelOfLook = (alpha: number) => 2 * (1 - normalCdf(pocockBound(alpha, LOOKS)));
/** Of what is called better or worse. */
const FINDS_LEVEL = levelOfLook(0.05);
/** Starts of a side before there is anything to look at. */
const LEAST_STARTS = 2;
/** Failures of a side in a row after which a row is given up. */
const MOST_FAILURES = 2;

/** One row that is measured again, and for what. */
export interface Asked {
  readonly pair: Pair;
  readonly metrics: readonly string[];
  /** What has to be decided; without any, each of the metrics. */
  readonly gates: readonly Gate[];
}

export type AgainOptions = Pick<
  CompareOptions,
  'falseAlarms' | 'within' | 'models' | 'out' | 'fresh' | keyof NodeOptions
>;

/** What came of a row that was measured again. */
export interface Again {
  readonly label: string;
  readonly folder: string;
  readonly starts: readonly [a: number, b: number];
  readonly seconds: number;
  readonly decided: boolean;
  readonly changes: readonly Change[];
  readonly gates: readonly GateOutcome[];
}

/** Kept beside the starts, so that the same command does not look more often than it may. */
interface Note {
  readonly looks: number;
  readonly decided: boolean;
}

/**
 * Measures rows of both sides again on this machine, one after the other, the sides of each in turns of
 * random order: what moves the machine moves both. A row ends when it is decided (its gates, else its
 * metrics), or its share of the time is over.
 * @throws CommandError (2) where an engine, a device or a model is not here; (1) where neither side runs.
 */
export async function measureAgain(
  asked: readonly Asked[],
  options: AgainOptions,
): Promise<{ readonly measured: readonly Again[]; readonly interrupted: boolean }> {
  const runs = asked.flatMap(({ pair: { a, b } }) => [a, b]);
  const node = await openTrials(configOf(runs, options));
  const turns: Turns = Object.assign(
    onInterrupt(
      'finishing the running start',
      () => {},
      () => turns.running?.kill('interrupted'),
    ),
    { running: null },
  );
  const measured: Again[] = [];
  const ends = performance.now() / 1000 + options.within;
  try {
    for (const [i, one] of asked.entries()) {
      if (turns.interrupted) break;
      const seconds = (ends - performance.now() / 1000) / (asked.length - i);
      measured.push(await measureRow(one, { node, seconds, rows: asked.length, turns, options }));
    }
  } finally {
    turns.close();
    await node.close();
  }
  return { measured, interrupted: turns.interrupted };
}

/** The starts that run, one at a time, until somebody interrupts. */
interface Turns extends Interrupts {
  running: ReturnType<Trials['start']> | null;
}

interface Measuring {
  readonly node: Trials;
  readonly seconds: number;
  /** How many rows are measured again: each may be found by chance. */
  readonly rows: number;
  readonly turns: Turns;
  readonly options: AgainOptions;
}

async function measureRow(asked: Asked, measuring: Measuring): Promise<Again> {
  const { pair } = asked;
  const { node, seconds, rows, turns, options } = measuring;
  const sweep = sweepOf(pair);
  const folder = options.out ?? join(DEFAULT_OUT, sweep.name);
  const lock = lockFolder(folder);
  try {
    const opening = { node, folder, fresh: options.fresh === true };
    const a = await openSide('a', pair.a, opening);
    const b = await openSide('b', pair.b, opening);
    const note = opening.fresh ? null : readNote(folder);
    const look = () => looked(asked, [a, b], { rows, falseAlarms: options.falseAlarms ?? FALSE_ALARMS });
    let [looks, decided] = [note?.looks ?? 0, note?.decided ?? false];
    const label = pair.label || pair.a.label;
    if (looks < LOOKS && !decided)
      say(`measuring ${label} again, A and B in turns, for ${spent(seconds)} at most`);
    while (!decided && looks < LOOKS && !turns.interrupted) {
      const before = secondsOf(a, b);
      await turn([a, b], sweep, measuring);
      const now = secondsOf(a, b);
      const isOver = now + (now - before) > seconds || isFailing(a) || isFailing(b);
      const few = Math.min(a.records.length, b.records.length) < LEAST_STARTS;
      if (!isOver && (few || now < (seconds * (looks + 1)) / LOOKS)) continue;
      looks = isOver ? LOOKS : looks + 1;
      const found = look();
      decided = found.decided;
      say(`${label}, look ${looks} of ${LOOKS}: ${changesText(found.changes, [a, b], now)}`);
      writeWhole(join(folder, NOTE), `${JSON.stringify({ looks, decided } satisfies Note)}\n`);
    }
    const { changes, gates } = look();
    const starts = [a.records.length, b.records.length] as const;
    return { label: pair.label, folder, starts, seconds: secondsOf(a, b), decided, changes, gates };
  } finally {
    lock.release();
  }
}

/** One start of each side, in random order. @throws CommandError (1) where both sides fail. */
async function turn(
  sides: readonly [a: AgainSide, b: AgainSide],
  sweep: SweepName,
  { node, turns }: Measuring,
): Promise<void> {
  const block = Math.max(...sides.map(({ records }) => records.length));
  const order = seedFrom(`${sweep.id} ${block}`) % 2 === 0 ? sides : [...sides].reverse();
  for (const side of order) {
    if (turns.interrupted) return;
    turns.running = beginStart(side, node, sweep, block);
    const record = await turns.running.done;
    turns.running = null;
    if (!turns.interrupted || record.status === 'complete') keepStart(side, record);
  }
  const failure = sides[0].records.at(-1)?.failure;
  if (sides.every(isFailing) && failure != null) throw workError(failure.message, failure.hint);
}

function isFailing({ records }: AgainSide): boolean {
  const last = records.slice(-MOST_FAILURES);
  return last.length === MOST_FAILURES && last.every(({ status }) => status === 'failed');
}

/** What all starts so far say of a row. */
function looked(
  { pair: { label }, metrics, gates }: Asked,
  [a, b]: readonly [a: AgainSide, b: AgainSide],
  { rows, falseAlarms }: { readonly rows: number; readonly falseAlarms: number },
): Pick<Again, 'decided' | 'changes' | 'gates'> {
  const [left, right] = [rowOf(a), rowOf(b)];
  if (left === null || right === null) return { decided: false, changes: [], gates: [] };
  const comparing = { oneSitting: true, confidence: 1 - FINDS_LEVEL / rows };
  const compared = comparisonOf([{ label, a: left, b: right }], metrics, comparing);
  const { changes } = compared;
  // Half of the false alarms belong to what was measured before. That is one of the two sides of the bound,
  // and a gate is red on one only.
  const level = levelOfLook(falseAlarms) / 2 / (rows * Math.max(1, gates.length));
  const outcomes = gates.flatMap((gate) => judgeGate(gate, compared, level));
  const decided =
    gates.length > 0
      ? outcomes.every(({ outcome }) => outcome !== 'undecided')
      : changes.every(({ verdict }) => isFind(verdict) || verdict === 'same');
  return { decided, changes, gates: outcomes };
}

/** `decode × 0.953 [0.921, 0.986], 24 and 24 starts, 38 s` */
function changesText(changes: readonly Change[], sides: readonly AgainSide[], seconds: number): string {
  const moved = changes.map((change) => {
    const [ratio, interval] = movedText(change);
    return `${metricLabel(change.metric)} ${ratio}${interval === '' ? '' : ` (${interval})`}`;
  });
  return [
    ...moved,
    `${sides.map(({ records }) => records.length).join(' and ')} starts`,
    spent(seconds),
  ].join(', ');
}

const spent = (seconds: number) =>
  seconds < 90 ? `${Math.round(seconds)} s` : `${(seconds / 60).toFixed(1)} min`;

/** What the starts of both sides took together. */
function secondsOf(...sides: readonly AgainSide[]): number {
  return sides.flatMap(({ records }) => records).reduce((sum, record) => sum + secondsOfTrial(record), 0);
}

const NOTE = 'again.json';

function readNote(folder: string): Note | null {
  const file = join(folder, NOTE);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Note) : null;
}

/**
 * @returns the name of a row that is measured again: the same for the same two rows of the same two engines.
 */
function sweepOf({ a, b }: Pair): SweepName {
  const sides = [a, b].map(({ experimentId, trial: { environment } }) => [
    experimentId,
    environment.engine ?? null,
    environment.engineBuild ?? null,
  ]);
  const hex = createHash('sha256').update(JSON.stringify(sides)).digest('hex').slice(0, 16);
  // The name becomes that of a folder, and a record may have any.
  const name = b.trial.sweep.name.replace(/[^A-Za-z0-9._-]+/g, '-').slice(0, 63);
  return { id: `s${hex}`, name: `again-${name}-${hex.slice(0, 8)}` };
}

function configOf(rows: Pair['a'][], options: AgainOptions): ReturnType<typeof ownAgentConfig> {
  const experiments = rows.map(({ experiment }) => experiment);
  const models = experiments.map(({ model }) => model);
  const runners = experiments.map(({ runner }) => runner.kind);
  return ownAgentConfig(options, runners, ({ modelFolders = [], meters }) => ({
    modelFolders: [...localModelFolders('.', { models }, options.models), ...modelFolders],
    roofs: 'off',
    meters: { ...meters, energy: 'none' },
  }));
}
