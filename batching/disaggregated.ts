import type { Batch } from './batch.js';
import { type Policy, type Scheduler, tooLong } from './schedulers/scheduler.js';
import type { BatchingServer } from './server.js';

/** What keys and values go over from one server to another. */
export interface CacheLink {
  /** Of one replica that computes prompts, all its devices together. */
  readonly bytesPerSecond: number;
  readonly latencySeconds: number;
  /** Keys and values of a token, on all devices of a replica. */
  readonly bytesPerToken: number;
}

/** Servers that compute prompts, and others that go on with them. */
export interface DisaggregatedServer {
  readonly prefill: BatchingServer;
  readonly decode: BatchingServer;
  readonly link: CacheLink;
  /** Servers and link: a clause. */
  readonly says: string;
}

/**
 * Prefill and decode apart, as SGLang, TensorRT-LLM and Dynamo have them: a prompt is computed by a server
 * with its engine's scheduler. Its keys and values stay there until a decoding server has room for it and its
 * whole answer, and then go over the link, one prompt after the other from each server. The client has its
 * first token when they have arrived. A decoding server computes nothing twice.
 * @param prefill replicas of a server as it would serve alone.
 * @param decode the same; both engines have the same formats of keys and values.
 */
export function disaggregated(
  prefill: BatchingServer,
  decode: BatchingServer,
  link: CacheLink,
): DisaggregatedServer {
  const { bytesPerSecond, latencySeconds } = link;
  const way = `keys and values over ${(bytesPerSecond / 1e9).toFixed(1)} GB/s of a replica and ${(1e6 * latencySeconds).toFixed(0)} µs`;
  return {
    prefill: { ...prefill, scheduler: { ...prefill.scheduler, handsOver: true } },
    decode: { ...decode, scheduler: decoding(decode.scheduler) },
    link,
    says: `prompts on ${replicas(prefill)} and answers on ${replicas(decode)}, ${way}; ${prefill.scheduler.says}`,
  };
}

const replicas = ({ replicas: count }: BatchingServer) => (count === 1 ? '1 replica' : `${count} replicas`);

function decoding(scheduler: Scheduler): Scheduler {
  return { ...scheduler, keepsTexts: false, refusal: tooLong, begin: () => DECODES };
}

/** Whoever is handed over has room for all of its answer. */
const DECODES: Policy = {
  compose(batch: Batch): void {
    while (batch.waiting.length > 0 && batch.join());
    batch.decode();
  },
  repeats: () => Number.POSITIVE_INFINITY,
};
