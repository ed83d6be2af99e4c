import type { Fact } from '../../../coordinator/log/log.js';
import { type Policies, RETRIES, type SimulatedSweep } from './sweeps.js';

/**
 * A device asks again within a second. Who has nothing for it twice in a row may have been about to find
 * something; the third time is a fault.
 */
const MOST_ASKS_IN_VAIN = 2;

/** A trial that somebody may still be running, or whose result is on its way. */
export interface TrialOut {
  readonly trialId: string;
  readonly node: string;
  readonly sweepId: string;
  /** null = the drift control: it holds no point. */
  readonly position: number | null;
}

/** What a coordinator knows at the moment at which it has nothing for a device. */
export interface AskInVain {
  /** Of a node, which has one. */
  readonly device: string;
  readonly coordinator: string;
  /** Of the log, what it has taken in. */
  readonly facts: readonly Fact[];
  /** Trials of which it cannot know that they are over. */
  readonly out: readonly TrialOut[];
}

/**
 * Looks for devices that are idle while somebody may use them. It reads the log and who runs what, and asks
 * no scheduler: a point is there to be measured when its sweep is not paused, it lacks starts, nobody tries
 * it, and its namespace has something left.
 */
export class IdleChecker {
  readonly #sweeps: readonly SimulatedSweep[];
  readonly #policies: Policies;
  readonly #violated: (what: string) => void;
  /** By device: how often in a row it asked in vain, and whom. */
  readonly #inVain = new Map<string, { readonly coordinator: string; asks: number }>();

  constructor(sweeps: readonly SimulatedSweep[], policies: Policies, violated: (what: string) => void) {
    this.#sweeps = sweeps;
    this.#policies = policies;
    this.#violated = violated;
  }

  /** The device has something to do, or its coordinator changed. */
  reset(device: string): void {
    this.#inVain.delete(device);
  }

  askedInVain({ device, coordinator, facts, out }: AskInVain): void {
    // While its own last result is on its way into the log, a device is not free.
    const free = out.every(({ node }) => node !== device);
    const waiting = free ? this.#sweeps.find((sweep) => this.#mayUse(sweep, facts, out)) : undefined;
    if (waiting === undefined) {
      this.reset(device);
      return;
    }
    const before = this.#inVain.get(device);
    const asks = before?.coordinator === coordinator ? before.asks + 1 : 1;
    this.#inVain.set(device, { coordinator, asks });
    if (asks <= MOST_ASKS_IN_VAIN) return;
    this.#violated(
      `${coordinator} leaves ${device} idle though the namespace ${waiting.namespace} may use it for ${waiting.sweepId}`,
    );
  }

  /** @returns whether a sweep will get nothing more, since its namespace has used up its device-hours. */
  isSpent({ namespace }: SimulatedSweep, facts: readonly Fact[]): boolean {
    const { deviceHours } = this.#policies[namespace]!;
    return deviceHours !== null && this.#secondsOf(namespace, facts) >= deviceHours * 3600;
  }

  #mayUse(sweep: SimulatedSweep, facts: readonly Fact[], out: readonly TrialOut[]): boolean {
    if (!isOpen(sweep, facts) || this.isSpent(sweep, facts)) return false;
    const { runningTrials } = this.#policies[sweep.namespace]!;
    const running = out.filter(({ sweepId }) => this.#namespaceOf(sweepId) === sweep.namespace).length;
    if (runningTrials !== null && running >= runningTrials) return false;
    const tried = new Set(
      out.flatMap(({ sweepId, position }) => (sweepId === sweep.sweepId ? [position] : [])),
    );
    for (let position = 0; position < sweep.points; position += 1)
      if (!tried.has(position) && lacksStarts(sweep, position, facts)) return true;
    return false;
  }

  #namespaceOf(sweepId: string): string | undefined {
    return this.#sweeps.find((sweep) => sweep.sweepId === sweepId)?.namespace;
  }

  #secondsOf(namespace: string, facts: readonly Fact[]): number {
    let seconds = 0;
    for (const fact of facts) {
      if (fact.fact !== 'ResultRecorded' || this.#namespaceOf(fact.record.sweep.id) !== namespace) continue;
      seconds += (Date.parse(fact.record.endedAt) - Date.parse(fact.record.startedAt)) / 1000;
    }
    return seconds;
  }
}

/** Whether it was submitted, and is not paused. */
function isOpen({ sweepId }: SimulatedSweep, facts: readonly Fact[]): boolean {
  let [submitted, paused] = [false, false];
  for (const fact of facts) {
    if (!('sweepId' in fact) || fact.sweepId !== sweepId) continue;
    if (fact.fact === 'SweepSubmitted') submitted = true;
    if (fact.fact === 'SweepPaused') paused = true;
    if (fact.fact === 'SweepResumed') paused = false;
  }
  return submitted && !paused;
}

function lacksStarts({ sweepId, starts }: SimulatedSweep, position: number, facts: readonly Fact[]): boolean {
  const valid = new Set<number>();
  let invalid = 0;
  for (const fact of facts) {
    if (fact.fact === 'ExperimentGivenUp' && fact.sweepId === sweepId && fact.position === position)
      return false;
    if (fact.fact !== 'ResultRecorded' || fact.record.sweep.id !== sweepId) continue;
    if (fact.record.sweep.purpose !== 'measure' || fact.record.sweep.position !== position) continue;
    if (fact.record.valid) valid.add(fact.record.sweep.start ?? 1);
    else invalid += 1;
  }
  return valid.size < starts && invalid <= RETRIES;
}
