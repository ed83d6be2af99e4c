import type { Experiment } from './experiment.js';

/**
 * What a trial is for: a start of its point, the drift control of a block, a short look at a point of a
 * search, or new answers to questions that have changed since its point was measured.
 */
export type Purpose = 'measure' | 'control' | 'probe' | 'quality';

/** The answers that are asked for again, or scored again. */
export interface KeptAnswers {
  /** The trial that has them. Its other numbers stay. */
  readonly trialId: string;
  /** What they were asked and scored by (`questionsId`); null = nothing. */
  readonly questions: string | null;
}

/** The right of one node to try one experiment on one device until a time. */
export interface Lease {
  readonly trialId: string;
  readonly sweepId: string;
  readonly sweepName: string;
  /** Index of the point in the sweep's enumeration. */
  readonly position: number;
  readonly block: number;
  readonly purpose: Purpose;
  /** 1-based: one more than the trials of the experiment that came to nothing. */
  readonly attempt: number;
  /** 1-based: one more than its valid starts before; left out for controls and probes. */
  readonly start?: number | undefined;
  /** Why a search measures it in full; left out where nothing was to be decided. */
  readonly promoted?: string | undefined;
  readonly deviceId: string;
  /** Devices of the node that the trial holds beside its own; left out = none. */
  readonly otherDeviceIds?: readonly string[] | undefined;
  readonly experiment: Experiment;
  /**
   * It ends after so many repeats, however sure it is of them: the time of its sweep is nearly over, or it is
   * a probe. Left out = as the experiment says.
   */
  readonly mostRepeats?: number | undefined;
  /** Of purpose `quality`; left out elsewhere. */
  readonly kept?: KeptAnswers | undefined;
  /** The agent renews by heartbeat well before this many seconds have passed. */
  readonly leaseSeconds: number;
}

/** @returns all devices of a lease, its own first. */
export function leasedDevices({
  deviceId,
  otherDeviceIds = [],
}: Pick<Lease, 'deviceId' | 'otherDeviceIds'>): readonly string[] {
  return [deviceId, ...otherDeviceIds];
}
