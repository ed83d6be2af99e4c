import type { RunnerProfile } from '../core/experiment/node.js';
import type { RunnerProbe } from '../engines/runners/runner.js';

/** What a node's profile says of its runners. */
interface Offered {
  readonly runners: RunnerProfile[];
  /** Why something is not here, by what it is. */
  readonly absent: Record<string, string>;
}

type Absent = Extract<RunnerProbe, { available: false }>;

/** @returns what a profile says is absent by the answer of a probe. */
export function absentBy(probe: RunnerProbe): Readonly<Record<string, string>> {
  if (probe.available) return probe.missing ?? {};
  return { [keyOf(probe.kind)]: `${probe.reason}; ${probe.hint}` };
}

const keyOf = (kind: string) => `runner ${kind}`;

/** Runners whose probes gave no answer: nobody knows whether they are on this node. */
export class MissingRunners {
  readonly #offered: Offered;
  readonly #probe: (kind: string) => Promise<RunnerProbe>;
  #left: Absent[];

  /** @param offered of the node's profile; what is found later is added there. */
  constructor(
    offered: Offered,
    probes: readonly RunnerProbe[],
    probe: (kind: string) => Promise<RunnerProbe>,
  ) {
    this.#offered = offered;
    this.#probe = probe;
    this.#left = probes.filter(isUnanswered);
  }

  /** A sentence for each that is still missing. */
  get sentences(): string[] {
    return this.#left.map(({ kind, reason }) => `the runner ${kind} is not offered: ${reason}`);
  }

  /** Looks for each of them again. @returns those that are here after all: the profile has them now. */
  async look(): Promise<string[]> {
    const probes = await Promise.all(this.#left.map(({ kind }) => this.#probe(kind)));
    const found: string[] = [];
    for (const probe of probes) {
      const kind = probe.available ? probe.profile.kind : probe.kind;
      delete this.#offered.absent[keyOf(kind)];
      Object.assign(this.#offered.absent, absentBy(probe));
      if (!probe.available) continue;
      this.#offered.runners.push(probe.profile);
      found.push(kind);
    }
    this.#left = probes.filter(isUnanswered);
    return found;
  }
}

function isUnanswered(probe: RunnerProbe): probe is Absent {
  return !probe.available && probe.unanswered === true;
}
