import type { SimulatedCoordinator } from './coordinator.js';
import type { Store } from './store.js';
import type { SimulatedSweep } from './sweeps.js';
import type { World } from './world.js';

/** Those who submit sweeps, pause them, and change their minds about what is urgent. */
export class Users {
  readonly #world: World;
  readonly #coordinators: () => readonly SimulatedCoordinator[];
  readonly #store: Store;

  constructor(world: World, coordinators: () => readonly SimulatedCoordinator[], store: Store) {
    this.#world = world;
    this.#coordinators = coordinators;
    this.#store = store;
  }

  /**
   * What the seed has somebody do with a sweep; at `until` it goes on in any case.
   * @param told takes what was done, as it comes.
   */
  use(sweep: SimulatedSweep, until: number, told: string[]): void {
    const { random } = this.#world;
    const { sweepId } = sweep;
    this.#insist(
      sweep.at,
      (leader) => leader.submit(sweep),
      () => this.#said('SweepSubmitted', sweepId),
    );
    const pauses = random.whole(3);
    for (let pause = 0; pause < pauses; pause += 1) {
      const at = random.between(sweep.at, until);
      this.#once(at, (leader) => leader.pause(sweepId, 'pause-requested'), `pause ${sweepId}`, told);
      const later = Math.min(until, at + random.between(1, 25));
      this.#once(later, (leader) => leader.pause(sweepId, 'resume-requested'), `resume ${sweepId}`, told);
    }
    if (random.chance(0.3)) {
      const priority = random.whole(5);
      const resubmit = (leader: SimulatedCoordinator) => leader.submit({ ...sweep, priority });
      this.#once(random.between(sweep.at, until), resubmit, `priority ${priority} of ${sweepId}`, told);
    }
    this.#keepGoing(sweepId, until);
  }

  /**
   * Resumes a sweep whenever it is seen to be paused: a pause that was answered by an error, for its store
   * stalled, may be in the log later.
   */
  #keepGoing(sweepId: string, seconds: number): void {
    this.#world.after(seconds, () => {
      const paused = this.#lastOf(sweepId) === 'SweepPaused';
      const leader = paused ? this.#leader() : undefined;
      leader?.pause(sweepId, 'resume-requested').catch(() => undefined);
      this.#keepGoing(sweepId, 0.5);
    });
  }

  /** Asks whoever leads then; where nobody does, nothing comes of it. */
  #once(
    at: number,
    ask: (leader: SimulatedCoordinator) => Promise<void>,
    what: string,
    told: string[],
  ): void {
    this.#world.after(at, () => {
      const leader = this.#leader();
      if (leader === undefined) return;
      told.push(`${this.#world.now.toFixed(3)} s: ${what}`);
      ask(leader).catch(() => undefined);
    });
  }

  /** Asks again until the log has it. */
  #insist(
    seconds: number,
    ask: (leader: SimulatedCoordinator) => Promise<void>,
    isThere: () => boolean,
  ): void {
    this.#world.after(seconds, () => {
      if (isThere()) return;
      const leader = this.#leader();
      if (leader !== undefined) ask(leader).catch(() => undefined);
      this.#insist(0.5, ask, isThere);
    });
  }

  #leader(): SimulatedCoordinator | undefined {
    return this.#coordinators().find(({ answers, dispatcher }) => answers && dispatcher?.leadership.leads);
  }

  #said(fact: string, sweepId: string): boolean {
    return this.#store.facts.some((one) => one.fact === fact && 'sweepId' in one && one.sweepId === sweepId);
  }

  /** The last word of a pause about a sweep. */
  #lastOf(sweepId: string): string | null {
    const words = this.#store.facts.filter(
      (fact) => (fact.fact === 'SweepPaused' || fact.fact === 'SweepResumed') && fact.sweepId === sweepId,
    );
    return words.at(-1)?.fact ?? null;
  }
}
