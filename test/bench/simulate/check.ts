import type { Fact } from '../../../coordinator/log/log.js';
import type { Lease } from '../../../core/experiment/lease.js';
import { LEASE_SECONDS } from './coordinator.js';
import { IdleChecker, type TrialOut } from './idle.js';
import type { Store } from './store.js';
import type { Policies, SimulatedSweep } from './sweeps.js';

interface Running {
  readonly node: string;
  readonly trialId: string;
  /** Until when its lease is good, by the world's clock. */
  until: number;
}

interface Granted extends TrialOut {
  /** Until when the lease is good; it may come late to a node that stood still. */
  until: number;
}

/**
 * A coordinator notices that a lease is over, or that nobody comes back to it, with its next tick, which may
 * wait for the store.
 */
const NOTICED_SECONDS = 20;
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
  /** By trial, what was granted. */
  readonly #granted = new Map<string, Granted>();
  /** Trials that run, or whose results an agent has on its disk. */
  readonly #held = new Set<string>();
  /** Since when each coordinator leads. */
  readonly #leadsSince = new Map<string, number>();
  readonly idle: IdleChecker;

  constructor(store: Store, sweeps: readonly SimulatedSweep[], policies: Policies) {
    this.store = store;
    this.violations = store.violations;
    this.idle = new IdleChecker(sweeps, policies, (what) => this.#violated(what));
  }

  took(coordinator: string): void {
    this.#leadsSince.set(coordinator, this.#now);
  }

  /** A node begins anew with this coordinator. */
  joined(node: string): void {
    this.idle.reset(node);
  }

  /** @param position of the log, up to which the coordinator has read it. */
  askedInVain(node: string, by: string, position: number): void {
    // Until then it waits for nodes that may hold leases of whoever led before.
    const awaits = this.#now < (this.#leadsSince.get(by) ?? 0) + LEASE_SECONDS + NOTICED_SECONDS;
    if (awaits) {
      this.idle.reset(node);
      return;
    }
    const facts = this.store.facts.slice(0, position);
    const recorded = new Set(
      facts.flatMap((fact) => (fact.fact === 'ResultRecorded' ? [fact.record.trialId] : [])),
    );
    const out = [...this.#granted.values()].filter(
      ({ trialId, until }) =>
        !recorded.has(trialId) && (this.#held.has(trialId) || this.#now < until + NOTICED_SECONDS),
    );
    this.idle.askedInVain({ device: node, coordinator: by, facts, out });
  }

  granted(node: string, lease: Lease, by: string): void {
    this.idle.reset(node);
    const point = pointOf(lease.sweepId, lease);
    const { trialId, sweepId } = lease;
    this.#points.set(trialId, point);
    const position = lease.purpose === 'measure' ? lease.position : null;
    this.#granted.set(trialId, { trialId, node, sweepId, position, until: this.#now + LEASE_SECONDS });
    const leads = this.store.read()?.grpc === by;
    if (leads && this.store.lease?.nodes.includes(node) !== true)
      this.#violated(`${by} leased ${point} to ${node}, for which whoever takes over would not wait`);
    if (lease.purpose !== 'measure') return;
    for (const { node: other, trialId, until } of this.#running.get(point) ?? []) {
      if (other !== node && this.#now < until - SLACK_SECONDS)
        this.#violated(`${by} leased ${point} to ${node} while ${other} ran ${trialId} under a lease`);
    }
    const known = this.store.facts.some((fact) =>
      isResult(fact, (one) => one.valid && pointOf(one.sweep.id, one.sweep) === point),
    );
    if (known) this.#violated(`${by} leased ${point} to ${node}, and its result was in the log`);
  }

  began(node: string, lease: Lease): void {
    this.#held.add(lease.trialId);
    if (lease.purpose !== 'measure') return;
    const point = pointOf(lease.sweepId, lease);
    const list = this.#running.get(point) ?? [];
    list.push({ node, trialId: lease.trialId, until: this.#granted.get(lease.trialId)!.until });
    this.#running.set(point, list);
  }

  /**
   * A coordinator that leads has heard that these run.
   * @param heard when, by the world's clock: it may have had other things to do first.
   */
  renewed(node: string, trialIds: readonly string[], heard: number): void {
    for (const trialId of trialIds) {
      const granted = this.#granted.get(trialId);
      if (granted !== undefined) granted.until = Math.max(granted.until, heard + LEASE_SECONDS);
      const list = this.#running.get(this.#points.get(trialId) ?? '') ?? [];
      for (const one of list)
        if (one.node === node && one.trialId === trialId)
          one.until = Math.max(one.until, heard + LEASE_SECONDS);
    }
  }

  /** @param kept whether its result is on the agent's disk. */
  stopped(node: string, trialId: string, kept: boolean): void {
    if (!kept) this.#held.delete(trialId);
    const list = this.#running.get(this.#points.get(trialId) ?? '');
    const index = list?.findIndex((one) => one.node === node && one.trialId === trialId) ?? -1;
    if (index >= 0) list!.splice(index, 1);
  }

  acknowledged(trialId: string): void {
    this.acknowledgedTrials.add(trialId);
    this.#held.delete(trialId);
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

export function pointOf(
  sweepId: string,
  { position, start }: { readonly position: number; readonly start?: number | undefined },
): string {
  return `point ${position} of ${sweepId}, start ${start ?? 1}`;
}

export function isResult(
  fact: Fact,
  is: (record: Extract<Fact, { fact: 'ResultRecorded' }>['record']) => boolean,
): boolean {
  return fact.fact === 'ResultRecorded' && fact.record.sweep.purpose === 'measure' && is(fact.record);
}
