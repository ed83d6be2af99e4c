import { energySources } from '../core/metrics/energy.js';
import { cleanSeries } from '../core/metrics/series.js';
import type { Phase, ResultRecord } from '../core/result/result.js';

/** Energy of one stretch of a trial; null where it is not known, for `reason`. */
export interface PhaseEnergy {
  readonly phase: Phase;
  readonly joules: number | null;
  readonly reason: string | null;
}

/** What the phases of one name took together. */
export interface PhasePower {
  readonly name: Phase['name'];
  readonly count: number;
  readonly seconds: number;
  /** How many of them have energy; what follows is of those alone. */
  readonly known: number;
  readonly joules: number | null;
  readonly watts: number | null;
  /** Less the energy of the idle machine over this time; null if idle power was not measured. */
  readonly netJoules: number | null;
  /** Why some have none. */
  readonly reason: string | null;
}

export interface TrialPower {
  /** `counter:package-0+dram`. */
  readonly source: string;
  /** Of its domains together, before the model was loaded. */
  readonly idleWatts: number | null;
  readonly single: readonly PhaseEnergy[];
  readonly byName: readonly PhasePower[];
}

/**
 * @returns energy and mean power of every phase by the trial's first source, as the readings that a record
 *   carries give them; null without a source. The record's own measurements leave out what is too short for
 *   the source.
 */
export function trialPower(trial: ResultRecord): TrialPower | null {
  const { primary } = energySources(trial.samples.map(cleanSeries), trial.experiment.device);
  if (primary === null) return null;
  const idle = primary.domains.map((domain) => trial.given?.idleWatts[domain] ?? null);
  const idleWatts = idle.every((w) => w !== null) ? idle.reduce((sum, w) => sum + w, 0) : null;
  const single = trial.phases.map((phase): PhaseEnergy => {
    const reading = primary.joules([phase]);
    return { phase, joules: reading.value, reason: reading.value === null ? reading.reason : null };
  });
  const names = [...new Set(trial.phases.map(({ name }) => name))];
  const byName = names.map((name): PhasePower => {
    const own = single.filter(({ phase }) => phase.name === name);
    const known = own.filter(({ joules }) => joules !== null);
    const total = known.reduce((sum, { joules }) => sum + (joules ?? 0), 0);
    const joules = known.length === 0 ? null : total;
    const length = secondsOf(known);
    return {
      name,
      count: own.length,
      seconds: secondsOf(own),
      known: known.length,
      joules,
      watts: joules === null || !(length > 0) ? null : joules / length,
      netJoules: joules === null || idleWatts === null ? null : joules - idleWatts * length,
      reason: own.find(({ reason }) => reason !== null)?.reason ?? null,
    };
  });
  return { source: primary.label, idleWatts, single, byName };
}

function secondsOf(list: readonly PhaseEnergy[]): number {
  return list.reduce((sum, { phase }) => sum + phase.endSeconds - phase.startSeconds, 0);
}
