import { whyNoneSelected } from '../../core/experiment/node-selector.js';
import { minuteOf } from '../../core/minute.js';
import type { SweepStateWord } from '../../proto/convert.js';
import type { SearchProgress } from '../../search/searcher.js';
import { median } from '../../statistics/quantile.js';
import { refusal, serves } from './placement.js';
import { staleIn } from './stale.js';
import type { PointQueue, SchedulerState, SweepState } from './state.js';

export interface SweepStatus {
  readonly sweepId: string;
  readonly name: string;
  readonly state: SweepStateWord;
  readonly points: number;
  readonly complete: number;
  readonly failed: number;
  readonly invalid: number;
  readonly queued: number;
  /** Points that a search was not asked for, or left out, once it has ended; 0 without a search. */
  readonly spared: number;
  /** Of the complete ones, those taken over from an earlier sweep. */
  readonly reused: number;
  /** Of the complete ones, those of which something disturbed a start. */
  readonly disturbed: number;
  /** Valid starts that each point is to have, and may have at most. */
  readonly starts: number;
  readonly maxStarts: number;
  /**
   * Which start the sweep is at: one more than its unsettled points have on average; null when all are
   * settled.
   */
  readonly start: number | null;
  /** Valid starts that unsettled points lack, at least. */
  readonly trialsLeft: number;
  /** Points by each code of what disturbed them, or made them invalid, the most common one first. */
  readonly disturbedBy: readonly CodeCount[];
  readonly invalidBy: readonly CodeCount[];
  readonly submittedAt: string;
  /** Median seconds of a finished trial; null = none yet. */
  readonly trialSeconds: number | null;
}

interface CodeCount {
  readonly code: string;
  readonly points: number;
}

/** Reasons listed for people; beyond that they want the results, not the status. */
const REASONS = 12;
/** Queued points looked at for the reasons why they wait. */
const SAMPLED_POINTS = 200;

/**
 * With perNode every node that took part is a value of the node axis. Before the first one it is one grid.
 */
function pointsOf({ view, queues }: SweepState): number {
  return view.count * Math.max(1, queues.size);
}

function sparedIn({ view, queues }: SweepState): number {
  let spared = 0;
  for (const queue of queues.values()) spared += sparedBy(queue, view.count);
  return spared;
}

/** @returns whether its state is `running`. This is asked for more often than the rest of a status. */
export function isRunning(sweep: SweepState): boolean {
  if (sweep.cancelled || sweep.paused !== null) return false;
  let settled = 0;
  for (const { counts } of sweep.queues.values()) settled += counts.complete + counts.failed + counts.invalid;
  const points = pointsOf(sweep);
  return staleIn(sweep) > 0 || (settled < points && settled + sparedIn(sweep) < points);
}

/** @returns where a sweep stands. `queued` includes what runs at this moment. */
export function sweepStatus(sweep: SweepState): SweepStatus {
  const counts = { complete: 0, failed: 0, invalid: 0, reused: 0, disturbed: 0 };
  const { starts, maxStarts } = sweep.view.startsPolicy;
  let begun = 0;
  let useful = 0;
  for (const queue of sweep.queues.values()) {
    for (const name of keysOf(counts)) counts[name] += queue.counts[name];
    begun += queue.starts.total;
    useful += queue.starts.useful;
  }
  const points = pointsOf(sweep);
  const spared = sparedIn(sweep);
  const settled = counts.complete + counts.failed + counts.invalid + spared;
  // Those that are asked again are settled, and something of them is left to do.
  const stale = staleIn(sweep);
  return {
    sweepId: sweep.view.sweepId,
    name: sweep.view.name,
    state: sweep.cancelled
      ? 'cancelled'
      : settled === points && stale === 0
        ? 'done'
        : sweep.paused === null
          ? 'running'
          : 'paused',
    points,
    ...counts,
    queued: points - settled,
    spared,
    starts,
    maxStarts,
    start: settled === points ? null : 1 + Math.floor(begun / (points - settled)),
    trialsLeft: (points - settled) * starts - useful,
    disturbedBy: codeCounts([...sweep.queues.values()].map(({ disturbedBy }) => disturbedBy)),
    invalidBy: codeCounts([...sweep.queues.values()].map(({ invalidBy }) => invalidBy)),
    submittedAt: sweep.submittedAt,
    trialSeconds: sweep.trialSeconds.length === 0 ? null : median(sweep.trialSeconds),
  };
}

/**
 * How far the searches of a sweep are, all together. Where the node is an axis, each node has a search, and
 * the volume under the front is left out, since it would be that of one node.
 * @returns null where every point is measured.
 */
export function searchProgress({ queues }: SweepState): SearchProgress | null {
  const all = [...queues.values()].flatMap(({ search }) => (search === null ? [] : [search.progress]));
  const [first] = all;
  if (first === undefined || all.length === 1) return first ?? null;
  const sums = { measured: 0, probed: 0, pending: 0, decided: 0, trials: 0 };
  const spent = { ...sums, deviceSeconds: 0, joules: 0 };
  for (const one of all) for (const name of keysOf(spent)) spent[name] += one[name];
  return {
    ...spent,
    // Each node's search has one of its own.
    budget: {
      trials: times(first.budget.trials, all.length),
      deviceHours: times(first.budget.deviceHours, all.length),
      joules: times(first.budget.joules, all.length),
    },
    decisions: all.flatMap(({ decisions }) => decisions),
    skipped: all.flatMap(({ skipped }) => skipped),
    hypervolume: null,
    prior: [...new Set(all.flatMap(({ prior }) => prior ?? []))].join('; ') || null,
    ended: all.every(({ ended }) => ended !== null) ? first.ended : null,
  };
}

const times = (bound: number | null, count: number) => (bound === null ? null : bound * count);

/** Points that nobody will measure any more: the search has ended, and what it asked for is settled. */
function sparedBy({ search, settled, inFlight, returned, starts }: PointQueue, count: number): number {
  if (search === null || search.ended === null) return 0;
  const waits = [...starts.waiting()].some((position) => !settled.has(position));
  const open = inFlight.size + returned.length > 0 || waits;
  return open ? 0 : count - settled.size;
}

function codeCounts(queues: readonly ReadonlyMap<string, number>[]): CodeCount[] {
  const codes = new Map<string, number>();
  for (const queue of queues) {
    for (const [code, points] of queue) codes.set(code, (codes.get(code) ?? 0) + points);
  }
  const sorted = [...codes].filter(([, points]) => points > 0).sort(([, a], [, b]) => b - a);
  return sorted.map(([code, points]) => ({ code, points }));
}

/**
 * @returns why points were given up: each reason once, in the words of the first point that has it, with the
 *   number of points that share it.
 */
export function failureReasons({ view, queues }: SweepState): string[] {
  const reasons = new Map<string, { readonly first: string; points: number }>();
  for (const queue of queues.values()) {
    if (queue.counts.failed === 0) continue;
    for (const [position, { state, reason }] of queue.settled.unpackedEntries()) {
      if (state !== 'failed' || reason === null) continue;
      // Which point it is stands in some of them: a hundred points that lack one engine have one reason.
      const why = reason.replace(`${view.label(view.experimentAt(position, queue.node))} `, '');
      const known = reasons.get(why);
      if (known !== undefined) known.points += 1;
      else if (reasons.size < REASONS) reasons.set(why, { first: reason, points: 1 });
    }
  }
  return [...reasons.values()].map(({ first, points }) =>
    points === 1 ? first : `${first} (${points} points)`,
  );
}

/**
 * @returns why queued points cannot run on any connected node; each reason once, from a sample of the points.
 */
export function blockedReasons(state: SchedulerState, sweep: SweepState): string[] {
  const reasons = new Map<string, string>();
  if (sweep.stalled?.told === true) {
    const ends = `it ends at ${minuteOf(sweep.stalled.endsAt)} UTC unless one comes`;
    const why = `no node that can measure the rest of it is here, ${sweep.lastNode} measured it last: ${ends}`;
    return [why, ...blockedReasons(state, { ...sweep, stalled: null })];
  }
  const profiles = [...state.nodes.values()].filter(({ lost }) => !lost).map(({ profile }) => profile);
  // One that had a node says which when nobody comes back.
  if (profiles.length === 0 && sweep.lastNode === null)
    return ['no node is connected: `ridge agent` makes one of a machine'];
  if (profiles.length > 0 && !profiles.some((profile) => serves(profile, sweep.view))) {
    const why = whyNoneSelected(sweep.view.placement.nodeSelector, profiles, 'no node');
    return [why ?? 'every node is there for another sweep'];
  }
  let looked = 0;
  for (const queue of sweep.queues.values()) {
    for (const position of queue.deferred) {
      if (position < 0 || queue.inFlight.has(position) || queue.settled.has(position)) continue;
      if (++looked > SAMPLED_POINTS || reasons.size >= REASONS) return [...reasons.values()];
      const experiment = sweep.view.experimentAt(position, queue.node);
      const memory = sweep.view.memoryBytes(experiment);
      const here: string[] = [];
      let taken = false;
      for (const node of state.nodes.values()) {
        if (node.lost || !serves(node.profile, sweep.view)) continue;
        const tried = queue.tries.get(position)?.elsewhere.get(node.profile.name);
        for (const device of node.profile.devices) {
          const reason = tried ?? refusal(experiment, node.profile, device, memory);
          if (reason === null) taken = true;
          else here.push(reason);
        }
      }
      const first = here[0] ?? 'no node is connected';
      if (!taken && !reasons.has(first)) reasons.set(first, `${sweep.view.label(experiment)}: ${first}`);
    }
  }
  return [...reasons.values()];
}

const keysOf = <T extends object>(of: T) => Object.keys(of) as (keyof T)[];
