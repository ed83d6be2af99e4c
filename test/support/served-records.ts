import { judge } from '../../batching/judge.js';
import type { ResultRecord } from '../../core/result/result.js';
import { columnsOf, type ServingRecord } from '../../core/serving/record.js';
import type { RequestRecord } from '../../core/serving/requests.js';
import { calmInput } from '../unit/judgement/trace.js';
import { experimentOf, hex } from './experiments.js';
import { completeTrial } from './records.js';
import { answered, request } from './requests.js';

export interface ServedOptions {
  /** Slots of the closed loop. */
  readonly concurrency?: number;
  readonly requests?: number;
  /** Each request whose number is a multiple of this fails; 0 = none. */
  readonly failsEach?: number;
  readonly outputTokens?: number;
  /** Of a server that nobody shares; each further slot makes it a tenth slower. Seconds. */
  readonly ttft?: number;
  readonly tpot?: number;
  readonly quantization?: string;
  readonly slo?: string | null;
  readonly attempt?: number;
  /** What answers; the simulated server computes nothing, and has no place under roofs. */
  readonly runner?: string;
}

/** What a closed loop sees of a server that takes the same time for every request: every figure is known. */
export function servedRequests(options: ServedOptions = {}): RequestRecord[] {
  const { concurrency = 1, requests = 40, failsEach = 0, outputTokens = 16 } = options;
  const slower = 1 + (concurrency - 1) / 10;
  const [ttft, tpot] = [slower * (options.ttft ?? 0.05), slower * (options.tpot ?? 0.01)];
  const free = Array<number>(concurrency).fill(0);
  return Array.from({ length: requests }, (_, index) => {
    const slot = index % concurrency;
    const intended = free[slot]!;
    const dispatched = intended + 0.001;
    const answer = answered({
      index,
      intended,
      dispatched,
      ttft,
      tpot,
      chunks: Array<number>(outputTokens).fill(1),
    });
    free[slot] = answer.done!;
    if (failsEach === 0 || index % failsEach !== 0) return answer;
    free[slot] = dispatched + ttft;
    return request({
      index,
      intended,
      dispatched,
      done: free[slot]!,
      wantedTokens: outputTokens,
      outcome: 'rejected',
      status: 503,
      problem: 'the server answered 503 Service Unavailable',
    });
  });
}

export function servingRecordOf(requests: readonly RequestRecord[]): ServingRecord {
  return {
    server: 'test',
    startSeconds: 2,
    weightsLoadSeconds: null,
    kept: false,
    requests: columnsOf(requests),
    skippedTurns: 0,
    promptSalt: 'salt',
    sharedPromptTokens: 0,
    audit: null,
    promptTokensBy: 'tokenizer',
    outputTokensBy: 'tokenizer',
    tokenizer: { name: 'gpt2', digest: `sha256:${'0'.repeat(64)}` },
    endedEarly: null,
    search: null,
    generator: {
      lag: { p50: 0.0005, p99: 0.001, max: 0.002 },
      loopDelay: { p50: 0.0001, p99: 0.0004, max: 0.003 },
      cpuSeconds: 0.1,
      seconds: 10,
      ceiling: { requestsPerSecond: 5000, chunksPerSecond: 90_000 },
    },
    inside: {},
    insideAbsent: 'it has none',
  };
}

/** A trial whose server was asked so, judged as a real one. */
export function servedTrial(options: ServedOptions = {}): ResultRecord {
  const { concurrency = 1, quantization = 'q4_k_m', slo = 'ttft:p90<=80ms,tpot:p90<=20ms' } = options;
  const requests = servedRequests(options);
  const serving = servingRecordOf(requests);
  const end = Math.max(...requests.map(({ done }) => done ?? 0));
  const tokens = requests.reduce((sum, { outputTokens }) => sum + (outputTokens ?? 0), 0);
  const base = experimentOf({ quantization });
  const experiment = {
    ...base,
    id: `x${hex(JSON.stringify(options), 24)}`,
    runner: { kind: options.runner ?? 'simulated-server', options: {} },
    workload: {
      kind: 'serving',
      options: { arrival: 'closed', concurrency, requestsPerSecond: null, requests: requests.length, slo },
    },
  };
  const phases = [
    { name: 'serve', repeat: 0, startSeconds: 1, endSeconds: 1 + end, tokens },
  ] as const satisfies ResultRecord['phases'];
  const trial = {
    ...completeTrial({ experiment: base, position: concurrency, attempt: options.attempt ?? 1 }),
    experiment,
  };
  const judged = judge({ ...calmInput({ experiment }), phases, tokenSeconds: [], serving });
  const { measurements, warnings, valid, roofline } = judged;
  const trialId = `t${hex(JSON.stringify(options), 16)}`;
  return {
    ...trial,
    trialId,
    experimentId: experiment.id,
    phases,
    measurements,
    warnings,
    valid,
    tokenSeconds: [],
    samples: [],
    serving,
    roofline,
  };
}
