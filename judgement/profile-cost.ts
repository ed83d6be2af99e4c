import { formatPercent } from '../core/metrics/format.js';
import { type ProfileRecord, profileCost } from '../core/result/profile-record.js';

/**
 * If profiling makes a phase longer by more than this, the shares of its operators need not be those of the
 * phase without profiling.
 */
const MOST_PROFILE_COST = 0.25;

/** @returns a sentence for each phase that profiling made longer by more than that. */
export function costlyPhases({ phases }: ProfileRecord): readonly string[] {
  return phases
    .filter((phase) => profileCost(phase) > MOST_PROFILE_COST)
    .map((phase) => {
      const cost = formatPercent(profileCost(phase));
      return `looking on made the ${phase.name} ${cost} longer: shares of its operators are of that slower phase`;
    });
}
