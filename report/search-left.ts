import type { SearchProgress } from '../search/searcher.js';
import { duration, type Pace } from './time-left.js';

type Standing = Pick<SearchProgress, 'trials' | 'deviceSeconds' | 'joules' | 'budget' | 'ended'>;

/** How much of a search's budget is spent. */
export interface BudgetSpent {
  /** Of the bound that it is nearest to, 0 to 1; 1 of a search that has ended; null without a budget. */
  readonly share: number | null;
  /** `60 of 120 trials, 4 min 30 s of 9 min 00 s of devices`; empty without a budget. */
  readonly text: string;
  /** Seconds until it is spent at the pace so far, further starts left out; null where nothing says so. */
  readonly secondsLeft: number | null;
}

/** @param pace of its newest trials, and how many run. */
export function budgetSpent(
  { trials, deviceSeconds, joules, budget, ended }: Standing,
  { trialSeconds, running }: Pick<Pace, 'trialSeconds' | 'running'>,
): BudgetSpent {
  const seconds = budget.deviceHours === null ? null : budget.deviceHours * 3600;
  const bounds = [
    { spent: trials, of: budget.trials, text: `${trials} of ${budget.trials} trials` },
    {
      spent: deviceSeconds,
      of: seconds,
      text: `${duration(deviceSeconds)} of ${duration(seconds ?? 0)} of devices`,
    },
    {
      spent: joules,
      of: budget.joules,
      text: `${Math.round(joules)} of ${budget.joules} J`,
    },
  ].filter((bound): bound is typeof bound & { of: number } => bound.of !== null);
  const text = bounds.map((bound) => bound.text).join(', ');
  if (ended !== null) return { share: 1, text, secondsLeft: null };
  const shares = bounds.map(({ spent, of }) => Math.min(1, spent / of));
  const deviceSecondsLeft = [
    ...(budget.trials === null || trialSeconds === null ? [] : [(budget.trials - trials) * trialSeconds]),
    ...(seconds === null ? [] : [seconds - deviceSeconds]),
  ];
  return {
    share: shares.length === 0 ? null : Math.max(...shares),
    text,
    secondsLeft:
      deviceSecondsLeft.length === 0 || trialSeconds === null
        ? null
        : Math.max(0, Math.min(...deviceSecondsLeft)) / Math.max(1, running.length),
  };
}
