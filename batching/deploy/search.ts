import type { TokenLoad } from '../load.js';
import { type Attained, type Count, Trials } from './attain.js';
import { type Candidate, candidatesOf, type LeftOut, type Line } from './candidates.js';
import type { Demand } from './demand.js';
import type { DeployQuestion, DevicePrices } from './question.js';

/** A candidate with as many replicas as keep the objectives. */
export interface Sized extends Candidate {
  readonly attained: Attained;
  /** Numbers of replicas that were simulated on the way. */
  readonly looked: readonly Attained[];
  readonly devices: number;
  readonly rank: Rank;
}

/** A line of which it was enough to know that it needs more. */
export interface Beaten extends Line {
  readonly leastDevices: number;
}

/** What the search ranks by, the least first: money an hour, or devices; then the limit of their power. */
export type Rank = readonly [number, number];

export interface Found {
  /** The best of each line that was simulated, the first first. */
  readonly lines: readonly Sized[];
  readonly beaten: readonly Beaten[];
  readonly leftOut: readonly LeftOut[];
  readonly candidates: number;
}

/** More than so many of one kind are not looked for. */
const MOST_DEVICES = 1024;

/**
 * Looks for the fewest devices of each line that keep the objectives. Candidates come in the order of what
 * they cost at least. Under a price list, whoever cannot be among the first two is not simulated; without one
 * each line is, for devices of different kinds are no common measure.
 */
export function searchDeployments(
  question: DeployQuestion,
  load: TokenLoad,
  demand: Demand,
  count: Count,
): Found {
  const { candidates, leftOut } = candidatesOf(question, demand);
  const rankOf = ranking(question.prices);
  const least = (one: Candidate) => rankOf(one, one.leastReplicas * one.predicted.devices);
  const ordered = [...candidates].sort((a, b) => compareRanks(least(a), least(b)));
  const best = new Map<string, Sized>();
  const tooMany = new Map<string, number>();
  for (const candidate of ordered) {
    const each = candidate.predicted.devices;
    const limit = limitFor(candidate, [...best.values()], question.prices !== null);
    const affordable = (replicas: number) =>
      replicas * each <= MOST_DEVICES &&
      (limit === null || compareRanks(rankOf(candidate, replicas * each), limit) < 0);
    const most = mostWhere(affordable, Math.floor(MOST_DEVICES / each));
    const trials = new Trials(candidate.predicted.server, load, question.objectives, count);
    const attained = trials.fewest(candidate.leastReplicas, most);
    const key = lineKey(candidate);
    if (attained === null) {
      const needs = Math.max(most + 1, candidate.leastReplicas) * each;
      tooMany.set(key, Math.min(needs, tooMany.get(key) ?? Number.POSITIVE_INFINITY));
      continue;
    }
    const devices = attained.replicas * each;
    const rank = rankOf(candidate, devices);
    best.set(key, { ...candidate, attained, looked: trials.looked, devices, rank });
  }
  const lines = [...best.values()].sort((a, b) => compareRanks(a.rank, b.rank));
  const beaten = new Map<string, Beaten>();
  for (const { device, engine, bits } of candidates) {
    const key = lineKey({ device, engine, bits });
    if (!best.has(key)) beaten.set(key, { device, engine, bits, leastDevices: tooMany.get(key)! });
  }
  return { lines, beaten: [...beaten.values()], leftOut, candidates: candidates.length };
}

/**
 * Below what a candidate has to stay: the best of its line, and the second-best device, for it would be
 * neither the answer nor the runner-up.
 */
function limitFor(candidate: Candidate, best: readonly Sized[], ranked: boolean): Rank | null {
  const own = best.find((one) => lineKey(one) === lineKey(candidate));
  if (!ranked) return own?.rank ?? null;
  const ofDevices = new Map<string, Rank>();
  for (const { device, rank } of best) {
    const known = ofDevices.get(device.id);
    if (known === undefined || compareRanks(rank, known) < 0) ofDevices.set(device.id, rank);
  }
  const second = [...ofDevices]
    .filter(([id]) => id !== candidate.device.id)
    .map(([, rank]) => rank)
    .sort(compareRanks)[1];
  const limits = [own?.rank, second].filter((rank) => rank !== undefined);
  return limits.sort(compareRanks)[0] ?? null;
}

/** @returns the largest number up to `most` that holds; 0 where not even 1 does. */
function mostWhere(holds: (number: number) => boolean, most: number): number {
  let [low, high] = [0, most];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (holds(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Devices without a price come behind those with one. */
export const UNPRICED = Number.MAX_VALUE;

export function ranking(prices: DevicePrices | null): (line: Line, devices: number) => Rank {
  return ({ device }, devices) => {
    const price = prices === null ? 1 : prices.perHour(device);
    return [price === null ? UNPRICED : price * devices, (device.watts?.value ?? 0) * devices];
  };
}

export const compareRanks = ([a, powerA]: Rank, [b, powerB]: Rank) => a - b || powerA - powerB;

export const lineKey = ({ device, engine, bits }: Line) => `${device.id} ${engine.engine.id} ${bits}`;
