import type { Objective } from '../../core/serving/slo.js';
import type { ModelArchitecture } from '../../core/work/architecture.js';
import type { WantedSplit } from '../../roofline/fit/split.js';
import type { Hardware } from '../../roofline/hardware/figure.js';
import type { AskedEngine } from '../../roofline/step/engines.js';
import type { HostTimes } from '../../roofline/step/setting.js';
import type { TokenLoad } from '../load.js';
import type { SchedulerFlags } from '../schedulers/index.js';

/** An engine that may serve; its host times are null where nobody calibrated them on a node of his. */
export interface DeployedEngine extends AskedEngine {
  readonly host: HostTimes | null;
}

/** A load whose speed may be changed. */
export interface OfferedLoad {
  /** @param speed 2 = the same requests in half of the time. */
  at(speed: number): TokenLoad;
}

/** What a device costs, in the currency of a list; null where the list does not have it. */
export interface DevicePrices {
  readonly currency: string;
  readonly perKilowattHour: number | null;
  perHour(device: Hardware): number | null;
}

/** What is to be deployed, for whom, and on what. */
export interface DeployQuestion {
  readonly architecture: ModelArchitecture;
  readonly objectives: readonly Objective[];
  readonly load: OfferedLoad;
  /** Of which the memory is published. */
  readonly devices: readonly Hardware[];
  readonly engines: readonly DeployedEngine[];
  /** Formats that engines serve, as `servedFormats` reads them. */
  readonly bits: readonly string[];
  readonly split: WantedSplit;
  /** That share the model. */
  readonly mostDevices: number;
  /** Of the schedulers of all engines; others are as each has them. */
  readonly flags: SchedulerFlags;
  /** null = as each engine takes it. */
  readonly memoryShare: number | null;
  readonly prices: DevicePrices | null;
}
