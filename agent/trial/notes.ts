import type { AttachedAdapter } from '../../artifacts/adapters/attach.js';
import type { Artifact } from '../../artifacts/files/store.js';
import type { DeviceProfile } from '../../core/experiment/node.js';
import type { QualityRecord } from '../../core/quality/record.js';
import type { ProfileRecord } from '../../core/result/profile-record.js';
import type { Phase, SampleSeries, SettingRecord, TrialFacts } from '../../core/result/result.js';
import type { RooflineGiven } from '../../core/result/roofline-record.js';
import type { RecordRoofs } from '../../core/result/roofs-record.js';
import type { Warning } from '../../core/result/warnings.js';
import type { TrainingRecord } from '../../core/training/record.js';
import type { AnyFacts } from '../../engines/runners/opened.js';
import type { CoresReading } from '../cores/usual.js';
import type { EnvironmentFacts } from '../environment.js';
import type { WorkloadOutcome } from '../workloads/workload.js';

/** What is known of a trial at any moment; it grows as the trial goes on, and every field may stay empty. */
export interface TrialNotes {
  readonly startedAt: Date;
  /** Second 0 of the record on the monotonic clock. */
  readonly originSeconds: number;
  device: DeviceProfile | null;
  artifact: Artifact | null;
  adapters: readonly AttachedAdapter[];
  baseWeightBytes: number | null;
  quality: QualityRecord | null;
  loaded: AnyFacts | null;
  outcome: WorkloadOutcome | null;
  training: TrainingRecord | null;
  profile: ProfileRecord | null;
  /** Measured ceilings of the device. */
  roofs: RecordRoofs | null;
  /** What its work is counted and predicted from. */
  roofline: RooflineGiven | null;
  samples: readonly SampleSeries[];
  idleWatts: Readonly<Record<string, number>>;
  /** When that was read; null = right before the trial. */
  idle: TrialFacts['given']['idle'] | null;
  /** What a kilowatt hour costs in grams of CO2 equivalent. */
  grid: TrialFacts['given']['grid'] | null;
  readonly phases: Phase[];
  /** What its cores gave, as its child read it. */
  readonly cores: CoresReading[];
  readonly warnings: Warning[];
  environment: EnvironmentFacts;
  /** What the device was set to, while it was. */
  settings: readonly SettingRecord[];
  absent: Readonly<Record<string, string>>;
}

export function emptyNotes(startedAt: Date, originSeconds: number): TrialNotes {
  return {
    startedAt,
    originSeconds,
    device: null,
    artifact: null,
    adapters: [],
    baseWeightBytes: null,
    quality: null,
    loaded: null,
    outcome: null,
    training: null,
    profile: null,
    roofs: null,
    roofline: null,
    samples: [],
    idleWatts: {},
    idle: null,
    grid: null,
    phases: [],
    cores: [],
    warnings: [],
    environment: {},
    settings: [],
    absent: {},
  };
}
