import type { Fact } from '../../../coordinator/log/log.js';
import type { Lease } from '../../../core/experiment/lease.js';
import { LEASE_SECONDS } from './coordinator.js';
import type { Store } from './store.js';

interface Running {
  readonly node: string;
  readonly trialId: string;
  /** Until when its lease is good, by the world's clock. */
  until: number;
}

/** Clocks are apart by some parts in ten thousand. */
const SLACK_SECONDS = 0.02;

/** What must hold of every history; it knows nothing of how the coordinators hold it. */
export class Checker {
  readonly store: Store;
  readonly violations: string[];
  readonly acknowledgedTrials = new Set<string>();
  /** By point and start: the trials that agents run. */
  readonly #running = new Map<string, Running[]>();
  /** By trial. */
  readonly #points = new Map<string, string>();
  /** By trial: until when the lease is good that was granted; it may come late to a node that stood still. */
  readonly #granted = new Map<string, number>();

  constructor(store: Store) {
    this.store = store;
    this.violations = store.violations;
  }

  granted(node: string, lease: Lease, by: string): void {
    const point = pointOf(lease);
    this.#points.set(lease.trialId, point);
    this.#granted.set(lease.trialId, this.#now + LEASE_SECONDS);
    if (lease.purpose !== 'measure') return;
    for (const { node: other, trialId, until } of this.#running.get(point) ?? []) {
      if (other !== node && this.#now < until - SLACK_SECONDS)
        this.#violated(`${by} leased ${point} to ${node} while ${other} ran ${trialId} under a lease`);
    }
    const known = this.store.facts.some((fact) =>
      isResult(fact, (one) => one.valid && pointOf(one.sweep) === point),
    );
    if (known) this.#violated(`${by} leased ${point} to ${node}, and its result was in the log`);
  }

  began(node: string, lease: Lease): void {
    if (lease.purpose !== 'measure') return;
    const point = pointOf(lease);
    const list = this.#running.get(point) ?? [];
    list.push({ node, trialId: lease.trialId, until: this.#granted.get(lease.trialId)! });
    this.#running.set(point, list);
  }

  /** A coordinator that leads has heard that these run. @param heard when, by the world's clock: it may have had other things to do first. */
  renewed(node: string, trialIds: readonly string[], heard: number): void {
    for (const trialId of trialIds) {
      const list = this.#running.get(this.#points.get(trialId) ?? '') ?? [];
      for (const one of list)
        if (one.node === node && one.trialId === trialId)
          one.until = Math.max(one.until, heard + LEASE_SECONDS);
    }
  }

  stopped(node: string, trialId: string): void {
    const list = this.#running.get(this.#points.get(trialId) ?? '');
    const index = list?.findIndex((one) => one.node === node && one.trialId === trialId) ?? -1;
    if (index >= 0) list!.splice(index, 1);
  }

  acknowledged(trialId: string): void {
    this.acknowledgedTrials.add(trialId);
    if (!this.store.trials.has(trialId)) this.#violated(`${trialId} was acknowledged and is not in the log`);
  }

  refused(trialId: string, reason: string): void {
    this.#violated(`the result of ${trialId} was refused: ${reason}`);
  }

  /** Of the log as it is at last. */
  finish(): void {
    const seen = new Set<string>();
    for (const fact of this.store.facts) {
      if (fact.fact !== 'ResultRecorded') continue;
      if (seen.has(fact.record.trialId)) this.#violated(`${fact.record.trialId} is in the log twice`);
      seen.add(fact.record.trialId);
    }
    for (const trialId of this.acknowledgedTrials)
      if (!seen.has(trialId)) this.#violated(`${trialId} was acknowledged and is lost`);
  }

  get #now(): number {
    return this.store.world.now;
  }

  #violated(what: string): void {
    this.violations.push(`${this.#now.toFixed(3)} s: ${what}`);
  }
}

export function pointOf({
  position,
  start,
}: {
  readonly position: number;
  readonly start?: number | undefined;
}): string {
  return `point ${position}, start ${start ?? 1}`;
}

export function isResult(
  fact: Fact,
  is: (record: Extract<Fact, { fact: 'ResultRecorded' }>['record']) => boolean,
): boolean {
  return fact.fact === 'ResultRecorded' && fact.record.sweep.purpose === 'measure' && is(fact.record);
}
