import type { Objective } from '../../core/serving/slo.js';
import { BAND_90 } from '../../roofline/step/calls-time.js';
import type { Step } from '../../roofline/step/compile.js';
import type { PredictedServer } from '../predicted-server.js';
import { type Count, Trials } from './attain.js';
import { demandOf, leastReplicas } from './demand.js';
import type { OfferedLoad } from './question.js';
import { compareRanks, type Rank, type Sized } from './search.js';

/** Devices at both ends of a band; null = more than anybody looks for. */
export interface DevicesBand {
  readonly low: number | null;
  readonly high: number | null;
}

/** Replicas beyond those that one needs which are looked at before it counts as too many. */
const FURTHER = 8;

/** What the two best need where others than the predicted times and the given load hold. */
export class Pairing {
  readonly #load: OfferedLoad;
  readonly #objectives: readonly Objective[];
  readonly #count: Count;

  constructor(load: OfferedLoad, objectives: readonly Objective[], count: Count) {
    this.#load = load;
    this.#objectives = objectives;
    this.#count = count;
  }

  /** @returns devices at the ends of the band of 90 % of its times. */
  bandOf(one: Sized): DevicesBand {
    const width = BAND_90 * one.predicted.spread;
    return { low: this.devicesAt(one, -width), high: this.devicesAt(one, width) };
  }

  /**
   * Whether the first stays first at the likeliest point of the edge of the band of the ratio of their times:
   * he is slower and the other faster, each by his part. Of the same tables half of what they are off by is
   * taken to be off in both.
   */
  staysFirst(first: Sized, second: Sized, rankOf: (one: Sized, devices: number) => Rank): boolean {
    const alike = first.device.id === second.device.id && first.engine.engine.id === second.engine.engine.id;
    const variances = [first, second].map(({ predicted }) => predicted.spread ** 2 * (alike ? 0.5 : 1));
    const sum = variances[0]! + variances[1]!;
    if (sum === 0) return true;
    const [slower, faster] = variances.map((variance) => (BAND_90 * variance) / Math.sqrt(sum));
    const [own, other] = [this.devicesAt(first, slower!), this.devicesAt(second, -faster!)];
    if (own === null) return false;
    return other === null || compareRanks(rankOf(first, own), rankOf(second, other)) <= 0;
  }

  /** @param log of how many times as long steps take. @param speed of the load. */
  devicesAt(one: Sized, log: number, speed = 1): number | null {
    const load = this.#load.at(speed);
    const predicted = slower(one.predicted, Math.exp(log));
    const least = leastReplicas(predicted, demandOf(load), this.#objectives);
    if (typeof least !== 'number') return null;
    const trials = new Trials(predicted.server, load, this.#objectives, this.#count);
    const found = trials.fewest(least, FURTHER * Math.max(least, one.attained.replicas));
    return found === null ? null : found.replicas * predicted.devices;
  }
}

/** @returns the same server, all times of which are so many times as long. */
export function slower(predicted: PredictedServer, factor: number): PredictedServer {
  const { server, step } = predicted;
  const slow: Step = {
    source: step.source,
    secondsOf: (batch) => factor * step.secondsOf(batch),
    timeOf: (batch) => step.timeOf(batch),
    stageSecondsOf: (batch) => factor * step.stageSecondsOf(batch),
  };
  const requestSeconds = factor * server.requestSeconds;
  return { ...predicted, step: slow, server: { ...server, step: slow, requestSeconds } };
}
