/**
 * Every metric once: result records, the exporter, dashboards, objectives and the docs read this list.
 * Names follow the field's words: TTFT is the time until the first token's logits exist; TPOT (vLLM's
 * word) is the mean gap after the first token of a repeat; ITL is the pool of single gaps.
 */

import type { QuantityName } from './meters.js';

export type Unit =
  | 'tokens/s'
  | 's'
  | 'B'
  | 'J'
  | 'J/token'
  | 'W'
  | 'Hz'
  | 'celsius'
  | 'ratio'
  | 'cores'
  | 'tokens/J'
  | 'J*s'
  | 'nats'
  | 'parameters'
  | '1/s'
  | 'B/s'
  | 'FLOP/s'
  | 'g'
  | 'g/token';

export type MetricBetter = 'max' | 'min' | null;

type RatioStyle = 'plain' | 'percent' | 'times';

/** Which way is better where a metric does not say: less time, memory and energy; more of what is done in a second or with a joule. */
const BETTER = {
  s: 'min',
  B: 'min',
  J: 'min',
  'J/token': 'min',
  'J*s': 'min',
  g: 'min',
  'g/token': 'min',
  nats: 'min',
  celsius: 'min',
  parameters: 'min',
  'tokens/s': 'max',
  '1/s': 'max',
  'B/s': 'max',
  'FLOP/s': 'max',
  'tokens/J': 'max',
  W: null,
  Hz: null,
  cores: null,
} as const satisfies Readonly<Record<Exclude<Unit, 'ratio'>, MetricBetter>>;

/** A metric as the table below has it. */
type Described = {
  /** Left out: the name in snake case. */
  readonly prometheus?: string;
  /** Left out: none. */
  readonly column?: string;
  readonly help: string;
  /** Left out: a judge of its own works it out. */
  readonly reading?: MetricReading;
} & (
  | { readonly unit: keyof typeof BETTER; readonly better?: MetricBetter }
  | { readonly ratio: RatioStyle; readonly better: MetricBetter }
);

export interface MetricDefinition {
  /** camelCase, as in sweep files and records; carries its unit. */
  readonly name: MetricName;
  /** Prometheus name after the `ridgepoint_` prefix: base unit suffix, no colons. */
  readonly prometheus: string;
  readonly unit: Unit;
  /** How people read a ratio: 0.5 as 0.5, as 50 % or as 0.5×; null for every other unit. */
  readonly ratioStyle: RatioStyle | null;
  readonly better: MetricBetter;
  /** Shown in tables when the user did not choose columns. */
  readonly column: string | null;
  readonly help: string;
  /** What it is of the readings of a trial's meters (core/judgement/machine.ts); null = a judge of its own works it out. */
  readonly reading: MetricReading | null;
}

/** A gauge's time-weighted mean over the measured part, or its largest value in the whole trial. */
interface MetricReading {
  readonly by: 'mean' | 'peak';
  readonly onCpu: QuantityName;
  readonly onDevice: QuantityName;
}

/** @param onDevice the quantity where the trial ran on an accelerator; left out = the same. */
const mean = (onCpu: QuantityName, onDevice = onCpu): MetricReading => ({ by: 'mean', onCpu, onDevice });
const peak = (onCpu: QuantityName, onDevice = onCpu): MetricReading => ({ by: 'peak', onCpu, onDevice });

const TABLE = {
  prefillTokensPerSecond: {
    unit: 'tokens/s',
    column: 'prefill',
    help: 'Prompt tokens of all sequences divided by the time of the prefill phase (llama-bench: pp).',
  },
  decodeTokensPerSecond: {
    unit: 'tokens/s',
    column: 'decode',
    help: 'Generated tokens of all sequences divided by the time of the decode phase, without sampling (llama-bench: tg).',
  },
  timeToFirstTokenSeconds: {
    unit: 's',
    column: 'TTFT',
    help: "From the start of the prefill until the first token's logits exist; tokenization and sampling excluded.",
  },
  timePerOutputTokenSeconds: {
    unit: 's',
    help: 'Decode time of a repeat divided by its decode steps (vLLM: TPOT, first token excluded).',
  },
  interTokenLatencyP10Seconds: {
    unit: 's',
    help: '10th percentile of each 16 gaps between tokens in a row, their geometric mean: of a token that nothing interrupted.',
  },
  interTokenLatencyP50Seconds: {
    unit: 's',
    column: 'ITL p50',
    help: 'Median of the gaps between tokens, pooled over all repeats.',
  },
  interTokenLatencyP90Seconds: { unit: 's', help: '90th percentile of the pooled gaps between tokens.' },
  interTokenLatencyP95Seconds: { unit: 's', help: '95th percentile of the pooled gaps between tokens.' },
  interTokenLatencyP99Seconds: {
    unit: 's',
    column: 'ITL p99',
    help: '99th percentile of the pooled gaps between tokens.',
  },
  loadSeconds: {
    unit: 's',
    help: 'From opening the model file until the context is ready; the page cache may be warm.',
  },
  peakResidentBytes: {
    unit: 'B',
    column: 'peak RSS',
    help: "Largest resident set of the trial's process (kernel's VmHWM), mapped model pages included; of a server with workers the largest sum over them that was read.",
  },
  peakProportionalBytes: {
    unit: 'B',
    reading: peak('processProportionalBytes'),
    help: 'Largest proportional set size seen between repeats: shared pages counted by their share.',
  },
  deviceMemoryPeakBytes: {
    unit: 'B',
    reading: peak('deviceMemoryBytes'),
    help: 'Largest memory in use on the device during the trial, as its driver reports it.',
  },
  processDeviceMemoryPeakBytes: {
    unit: 'B',
    reading: peak('processDeviceMemoryBytes'),
    help: "Largest device memory of the trial's own processes, a server's workers and all of its devices included, as the driver lists them.",
  },
  modelBytes: { unit: 'B', column: 'model', help: 'Bytes of all weight tensors in the file that was run.' },
  kvCacheBytes: { unit: 'B', help: 'Bytes of the key/value cache that the context allocated.' },
  adapterBytes: { unit: 'B', help: 'Bytes of the adapter files that ran beside the weights.' },
  adapterLoadSeconds: {
    unit: 's',
    help: 'Time the engine took to read the adapters and put them beside the weights; part of the load.',
  },
  bitsPerWeight: {
    ratio: 'plain',
    better: 'min',
    // llama.cpp's word; promtool takes `bits` in a name for a unit that should be bytes.
    prometheus: 'model_bpw',
    help: 'Bits of all weight tensors divided by the number of parameters.',
  },
  compressionRatio: {
    ratio: 'times',
    better: 'max',
    help: 'Weight bytes of the base file divided by those of the file that was run.',
  },
  weightSparsityRatio: {
    ratio: 'percent',
    better: 'max',
    help: 'Share of zeros among the weights of the pruned matrices, counted in the file.',
  },
  makeSeconds: {
    unit: 's',
    help: 'Time to make the file that was run from the base, all steps together; missing when an earlier trial made it.',
  },
  perplexity: {
    ratio: 'plain',
    better: 'min',
    column: 'PPL',
    help: 'exp of the mean negative log-likelihood per token of the text (llama-perplexity).',
  },
  perplexityRatio: {
    ratio: 'plain',
    better: 'min',
    help: "Perplexity over the base model's on the same predictions.",
  },
  klDivergenceNats: {
    unit: 'nats',
    column: 'KLD',
    help: 'Mean Kullback–Leibler divergence of the model from its base per token, in nats.',
  },
  klDivergenceP99Nats: { unit: 'nats', help: '99th percentile of that divergence over tokens.' },
  topAgreementRatio: {
    ratio: 'percent',
    better: 'max',
    column: 'top-1',
    help: 'Share of predictions whose most likely token is the same as of the base.',
  },
  taskScoreRatio: {
    ratio: 'percent',
    better: 'max',
    column: 'score',
    help: 'Mean score over the tasks, each by its main score: options by likelihood per byte, or its first scorer. A task that is asked in several ways counts once, by the mean of its ways.',
  },
  taskRetentionRatio: {
    ratio: 'percent',
    better: 'max',
    column: 'retained',
    help: "Mean over tasks of the score as a share of the base's on the same items; ways of asking are averaged within their task first.",
  },
  qualitySeconds: {
    unit: 's',
    better: null,
    help: 'Time the measurement of quality took, base included; of the trial that made it when it was reused.',
  },
  averageMemoryBytes: {
    unit: 'B',
    reading: mean('processResidentBytes', 'deviceMemoryBytes'),
    help: 'Mean memory in use during prefill and decode: of the device, or resident in the process on a CPU (EfficientLLM: AMU).',
  },
  averageUtilizationRatio: {
    ratio: 'percent',
    better: null,
    help: 'Mean utilization of the device during prefill and decode, or of the CPUs the trial had (EfficientLLM: PCU, a mean despite its name).',
  },
  averageLatencySeconds: {
    unit: 's',
    help: 'Mean time of one repeat from its first prompt token to its last output token (EfficientLLM: AL).',
  },
  outputTokensPerSecond: {
    unit: 'tokens/s',
    help: 'Generated tokens of all sequences divided by the time of prefill and decode (EfficientLLM: IT).',
  },
  modelCompressionRate: {
    ratio: 'times',
    better: 'max',
    help: 'Compression ratio, from real bytes with those of attached adapters, times what is left of the performance: of the task scores, or else of the likelihood (EfficientLLM: MCR).',
  },
  trainTokensPerSecond: {
    unit: 'tokens/s',
    column: 'train',
    help: 'Tokens of one training step divided by its time: forward, backward, optimizer and filling in the batch.',
  },
  trainStepSeconds: { unit: 's', help: 'Time of one training step.' },
  forwardSeconds: { unit: 's', help: 'Forward part of a training step, the loss included.' },
  backwardSeconds: {
    unit: 's',
    help: 'Backward part of a training step: the gradients of all that is trained.',
  },
  optimizerSeconds: { unit: 's', help: "The optimizer's part of a training step." },
  samplesPerParameterSecond: {
    unit: '1/s',
    help: 'Windows of a training step per parameter of the base and second (EfficientLLM: ST).',
  },
  firstLoss: {
    unit: 'nats',
    better: null,
    prometheus: 'first_loss_nats',
    help: 'Mean loss of the first training step.',
  },
  finalLoss: {
    unit: 'nats',
    prometheus: 'final_loss_nats',
    help: 'Mean loss of the last tenth of the training steps.',
  },
  evalLoss: {
    unit: 'nats',
    column: 'eval loss',
    prometheus: 'eval_loss_nats',
    help: 'Mean loss on the part of the text that was held out, after training.',
  },
  evalLossChange: {
    unit: 'nats',
    prometheus: 'eval_loss_change_nats',
    help: 'Loss on the part of the text that was held out, after training less before.',
  },
  trainableParameters: { unit: 'parameters', column: 'trainable', help: 'Numbers that training changes.' },
  trainedBytes: { unit: 'B', help: 'File that training made: the adapter, or the whole model.' },
  trainingWeightBytes: { unit: 'B', help: 'Memory of the weights while training, the adapter included.' },
  gradientBytes: { unit: 'B', help: 'Memory of the gradients of all that is trained.' },
  optimizerBytes: { unit: 'B', help: "Memory of the optimizer's moments." },
  activationBytes: {
    unit: 'B',
    help: 'Memory of everything a training step computes at its largest moment, and of its inputs and labels.',
  },
  energyJoules: {
    unit: 'J',
    help: 'Energy of the measured phases (prefill and decode, or a training step) of one repeat, gross (idle power included).',
  },
  energyNetJoules: { unit: 'J', help: 'Energy of one repeat less the idle baseline over the same time.' },
  prefillEnergyJoules: { unit: 'J', help: 'Gross energy of the prefill phase of one repeat.' },
  decodeEnergyJoules: { unit: 'J', help: 'Gross energy of the decode phase of one repeat.' },
  energyPerOutputTokenJoules: {
    unit: 'J/token',
    column: 'energy/out',
    help: 'Gross energy of a repeat divided by its generated tokens.',
  },
  energyPerTotalTokenJoules: {
    unit: 'J/token',
    help: 'Gross energy of a repeat divided by its prompt, generated or trained tokens.',
  },
  energyNetPerOutputTokenJoules: {
    unit: 'J/token',
    help: 'Net energy of a repeat (above the idle baseline) divided by its generated tokens.',
  },
  prefillEnergyPerTokenJoules: {
    unit: 'J/token',
    help: 'Gross energy of the prefill phase divided by its prompt tokens.',
  },
  decodeEnergyPerTokenJoules: {
    unit: 'J/token',
    help: 'Gross energy of the decode phase divided by its generated tokens: energyPerOutputTokenJoules without the prompt.',
  },
  tokensPerJoule: { unit: 'tokens/J', help: 'Generated tokens of a repeat divided by its gross energy.' },
  totalTokensPerJoule: {
    unit: 'tokens/J',
    help: 'Prompt, generated or trained tokens of a repeat divided by its gross energy.',
  },
  energyDelayProductJouleSeconds: { unit: 'J*s', help: 'Gross energy of a repeat times its duration.' },
  averagePowerWatts: {
    unit: 'W',
    better: 'min',
    help: 'Energy of the prefill and decode phases divided by their time.',
  },
  idlePowerWatts: {
    unit: 'W',
    help: 'Power of the same source before the trial, with the model not yet loaded.',
  },
  energyIntegralJoules: {
    unit: 'J',
    better: null,
    help: 'Integral of power readings over the prefill and decode phases of one repeat: the cross-check of a counter.',
  },
  energyIntegralDifferenceRatio: {
    ratio: 'percent',
    better: null,
    help: 'Integral of power less the energy counter, as a share of the counter, over all repeats.',
  },
  carbonGrams: {
    unit: 'g',
    help: 'CO2 equivalent of one repeat: its gross energy times the grid intensity that the sweep or the node states; nothing without one.',
  },
  carbonPerOutputTokenGrams: {
    unit: 'g/token',
    help: 'CO2 equivalent of a repeat divided by its generated tokens.',
  },
  processCores: {
    unit: 'cores',
    help: "CPU time of the trial's process per second during prefill and decode.",
  },
  systemBusyRatio: {
    ratio: 'percent',
    better: null,
    help: 'Share of all CPU time that was not idle during prefill and decode.',
  },
  foreignCores: {
    unit: 'cores',
    help: "CPU use by other processes during prefill and decode, in cores (the agent's own included).",
  },
  stealRatio: {
    ratio: 'percent',
    better: null,
    help: 'Share of CPU time taken by the hypervisor during prefill and decode.',
  },
  coreShareRatio: {
    ratio: 'percent',
    better: null,
    reading: mean('coreShareRatio'),
    help: "Share of its physical core's throughput that a CPU of the trial had, read between repeats, of the best seen on this machine; of several CPUs the one that had least. Less than 1 where something else ran on the other hardware thread of the core, be it another guest of the host, which counters of CPU time do not show.",
  },
  coreLatencyRatio: {
    ratio: 'times',
    better: null,
    reading: mean('coreLatencyRatio'),
    help: "Core-to-core latency (a cache line to the next CPU and back) of the trial's CPUs, read between repeats, over what is usual for them on this machine; of several pairs the farthest from its usual. More than 1 where the host of a virtual machine moved its CPUs onto cores that share no cache.",
  },
  clockHertz: {
    unit: 'Hz',
    reading: mean('cpuClockHertz', 'deviceClockHertz'),
    help: 'Mean clock of the cores (or of the device) during prefill and decode.',
  },
  temperaturePeakCelsius: {
    unit: 'celsius',
    reading: peak('cpuTemperatureCelsius', 'deviceTemperatureCelsius'),
    help: 'Highest temperature of the package or device during the trial.',
  },
  prefillModelFlopsUtilizationRatio: {
    ratio: 'percent',
    better: 'max',
    help: 'MFU of the prefill: FLOPs that the model asks (causal attention counted once, padding not) / seconds / peak of the arithmetic that most of them are in, at the threads of the trial. The source says whose peak: measured roofs or the catalogue.',
  },
  decodeModelFlopsUtilizationRatio: {
    ratio: 'percent',
    better: 'max',
    help: 'MFU of decoding: FLOPs that the model asks / seconds / peak of the arithmetic that most of them are in.',
  },
  decodeModelBandwidthUtilizationRatio: {
    ratio: 'percent',
    better: 'max',
    column: 'MBU',
    help: 'MBU: bytes of weights and KV cache that every step reads / seconds of a step / read bandwidth at the threads of the trial, of memory, or of the last cache where all of it fits there.',
  },
  prefillRoofRatio: {
    ratio: 'percent',
    better: 'max',
    column: 'prefill % of roof',
    help: 'The least time that the roofs allow for a prefill, operator by operator the longer of FLOPs / peak and bytes / bandwidth, over the time it took; 1 leaves nothing to gain.',
  },
  decodeRoofRatio: {
    ratio: 'percent',
    better: 'max',
    column: 'decode % of roof',
    help: 'The least time that the roofs allow for decoding, operator by operator, over the time it took.',
  },
  inferenceRoofRatio: {
    ratio: 'percent',
    better: 'max',
    column: 'run % of roof',
    help: 'The least time that the roofs allow for a run of an encoder, operator by operator, over the time it took.',
  },
  inferenceModelFlopsUtilizationRatio: {
    ratio: 'percent',
    better: 'max',
    help: 'MFU of an encoder: FLOPs of the texts of a run / seconds / peak of the arithmetic that most of them are in.',
  },
  servingRoofRatio: {
    ratio: 'percent',
    better: 'max',
    column: 'served % of roof',
    help: 'The least time that the roofs allow for all that a server computed while it was measured, prompts and steps as full as they were, over that time; waiting for requests is in it.',
  },
  servingModelFlopsUtilizationRatio: {
    ratio: 'percent',
    better: 'max',
    help: 'MFU of a server: FLOPs of the prompts it read (prefixes that it had left out) and of the tokens it generated / seconds / peak of the arithmetic that most of them are in, of all devices it spreads the model over.',
  },
  servingModelBandwidthUtilizationRatio: {
    ratio: 'percent',
    better: 'max',
    help: 'MBU of a server: bytes of weights and KV cache that its passes read / seconds / read bandwidth of all devices it spreads the model over.',
  },
  forwardModelFlopsUtilizationRatio: {
    ratio: 'percent',
    better: 'max',
    help: 'MFU of the forward part of a training step: FLOPs of its graph / seconds / peak of the arithmetic that most of them are in.',
  },
  backwardModelFlopsUtilizationRatio: {
    ratio: 'percent',
    better: 'max',
    help: 'MFU of the backward part of a training step: FLOPs of its graph / seconds / peak of the arithmetic that most of them are in.',
  },
  forwardRoofRatio: {
    ratio: 'percent',
    better: 'max',
    column: 'forward % of roof',
    help: 'The least time that the roofs allow for the forward part of a training step, operator by operator, over the time it took.',
  },
  backwardRoofRatio: {
    ratio: 'percent',
    better: 'max',
    column: 'backward % of roof',
    help: 'The least time that the roofs allow for the backward part of a training step, operator by operator, over the time it took.',
  },
  predictedPrefillSeconds: {
    unit: 's',
    better: null,
    help: "Predicted time of a repeat's prefill: each operator under the roofs, times the efficiency factors fitted on this node, and what each node of the graph and each pass takes besides. Of a server it is the time to the first token of the mean prompt without a queue.",
  },
  predictedTimePerOutputTokenSeconds: {
    unit: 's',
    better: null,
    column: 'predicted',
    help: 'Predicted time of a decode step, the mean over the steps of a repeat; made as predictedPrefillSeconds. Of a server it is a step as full as they were, with the prompts that are read in it.',
  },
  prefillPredictionErrorRatio: {
    ratio: 'percent',
    better: null,
    help: 'Predicted over measured time of the prefill, less one: 0.1 predicts a tenth too slow.',
  },
  decodePredictionErrorRatio: {
    ratio: 'percent',
    better: null,
    help: 'Predicted over measured time of decoding, less one: 0.1 predicts a tenth too slow.',
  },
  kernelSeconds: {
    unit: 's',
    column: 'call',
    help: 'Time of one call of an op: the median of the calls of a repeat.',
  },
  itemsPerSecond: {
    unit: '1/s',
    column: 'items/s',
    help: 'Items that went through a graph of tensors over the time of its runs: pictures, sequences, windows of sound.',
  },
  itemTokensPerSecond: {
    unit: '1/s',
    column: 'tokens/s',
    help: 'Tokens of texts that were made into vectors over the time of its runs.',
  },
  inferenceP50Seconds: {
    unit: 's',
    column: 'run p50',
    help: 'Time of one run of a graph of tensors: the median of the runs of a repeat.',
  },
  inferenceP99Seconds: {
    unit: 's',
    column: 'run p99',
    help: '99th percentile of the times of single runs of a graph, pooled over all repeats.',
  },
  energyPerItemJoules: {
    unit: 'J',
    help: 'Energy of the runs of a graph over the items that went through it.',
  },
  applicationLatencySeconds: {
    unit: 's',
    column: 'app mean',
    help: 'From when an application of a request graph was wanted to its final answer, the mean over those that ran from start to end.',
  },
  applicationLatencyP50Seconds: {
    unit: 's',
    help: 'Median of the same.',
  },
  applicationLatencyP99Seconds: {
    unit: 's',
    column: 'app p99',
    help: '99th percentile of the same.',
  },
  applicationsPerSecond: {
    unit: '1/s',
    column: 'apps/s',
    help: 'Applications that ended over the time of the run.',
  },
  failedApplicationsRatio: {
    ratio: 'percent',
    better: 'min',
    help: 'Applications without a final answer: a request or a tool failed, or a value was not what a node needs.',
  },
  criticalPathRatio: {
    ratio: 'percent',
    better: null,
    help: 'Seconds of the calls on the critical path, the network with them, over the time from the start of an application to its end.',
  },
  requestsPerApplication: {
    ratio: 'plain',
    better: null,
    help: 'Requests to the model that an application makes, on average.',
  },
  meanRequestsInFlight: {
    ratio: 'plain',
    better: null,
    column: 'in flight',
    help: 'Requests of applications that were under way at once, on average over the run.',
  },
  cachedPromptTokensRatio: {
    ratio: 'percent',
    better: 'max',
    column: 'cached',
    help: 'Tokens of prompts that the engine had computed before, by its own count, over all of them.',
  },
  graphTimeToFirstTokenSeconds: {
    unit: 's',
    help: 'From when a request of an application could begin to its first token: medians of nodes, each as often as it was asked.',
  },
  applicationScoreRatio: {
    ratio: 'plain',
    better: 'max',
    column: 'app score',
    help: 'Mean of the first scorer of a graph over final answers, 0 to 1.',
  },
  energyPerApplicationJoules: {
    unit: 'J',
    help: 'Energy of the run over the applications that ended.',
  },
  achievedBytesPerSecond: {
    unit: 'B/s',
    column: 'GB/s',
    help: 'Bytes that a call of an op has to move at least (inputs read once, outputs written once) over its time.',
  },
  achievedFlopsPerSecond: {
    unit: 'FLOP/s',
    column: 'GFLOP/s',
    help: 'Operations of a call of an op over its time; a multiply and an add are two.',
  },
  kernelRoofRatio: {
    ratio: 'percent',
    better: 'max',
    column: '% of roof',
    help: "The least time that the node's measured roofs allow for a call, of its bytes or of its FLOPs, whichever is longer, over the time it took. Warm calls stand under the last cache.",
  },
  energyPerCallJoules: {
    unit: 'J',
    column: 'J/call',
    help: 'Energy of the calls of a repeat of an op over their number.',
  },
  requestsPerSecond: {
    unit: '1/s',
    column: 'req/s',
    help: 'Requests that a server answered whole, per second from the first dispatch to the last answer.',
  },
  goodputRequestsPerSecond: {
    unit: '1/s',
    column: 'goodput',
    help: 'Requests per second that kept every objective of slo; what failed or did not finish kept none.',
  },
  highestRequestsPerSecond: {
    unit: '1/s',
    column: 'max req/s',
    help: 'Highest rate at which every objective of slo was kept, by bisection.',
  },
  highestConcurrency: {
    ratio: 'plain',
    better: 'max',
    column: 'max users',
    help: 'Most requests at a time at which every objective of slo was kept, by bisection.',
  },
  goodRequestsRatio: {
    ratio: 'percent',
    better: 'max',
    help: 'Share of all requests that kept every objective of slo.',
  },
  failedRequestsRatio: {
    ratio: 'percent',
    better: 'min',
    column: 'failed',
    help: 'Share of requests that failed, were refused, timed out or did not finish.',
  },
  inputTokensPerSecond: {
    unit: 'tokens/s',
    help: 'Prompt tokens of requests that were answered whole, per second.',
  },
  systemTokensPerSecond: {
    unit: 'tokens/s',
    column: 'output t/s',
    help: 'Output tokens of all requests that were answered whole, per second of the run (MLPerf Endpoints: system_tps).',
  },
  userTokensPerSecond: {
    unit: 'tokens/s',
    column: 't/s/user',
    help: 'What the slowest tenth of users sees at best: 1 / TPOT p90 (MLPerf Endpoints: tps_per_user).',
  },
  scheduledTimeToFirstTokenP50Seconds: {
    unit: 's',
    help: 'Median of the time to the first token, from when a request was meant to start: what its queueing took is in it.',
  },
  scheduledTimeToFirstTokenP90Seconds: {
    unit: 's',
    column: 'TTFT p90',
    help: '90th percentile of the time to the first token, from when a request was meant to start: what its queueing took is in it.',
  },
  scheduledTimeToFirstTokenP99Seconds: {
    unit: 's',
    help: '99th percentile of the time to the first token, from when a request was meant to start: what its queueing took is in it.',
  },
  serviceTimeToFirstTokenP50Seconds: {
    unit: 's',
    help: 'Median of the time to the first token, from when a request was dispatched.',
  },
  serviceTimeToFirstTokenP90Seconds: {
    unit: 's',
    help: '90th percentile of the time to the first token, from when a request was dispatched.',
  },
  serviceTimeToFirstTokenP99Seconds: {
    unit: 's',
    help: '99th percentile of the time to the first token, from when a request was dispatched.',
  },
  requestTimePerOutputTokenP50Seconds: {
    unit: 's',
    column: 'TPOT p50',
    help: 'Median over requests of (end − first chunk) / (output tokens − tokens of the first chunk).',
  },
  requestTimePerOutputTokenP90Seconds: {
    unit: 's',
    help: '90th percentile over requests of (end − first chunk) / (output tokens − tokens of the first chunk).',
  },
  requestTimePerOutputTokenP99Seconds: {
    unit: 's',
    help: '99th percentile over requests of (end − first chunk) / (output tokens − tokens of the first chunk).',
  },
  scheduledLatencyP50Seconds: {
    unit: 's',
    help: 'Median of the time to the whole answer, from when a request was meant to start.',
  },
  scheduledLatencyP90Seconds: {
    unit: 's',
    help: '90th percentile of the time to the whole answer, from when a request was meant to start.',
  },
  scheduledLatencyP99Seconds: {
    unit: 's',
    help: '99th percentile of the time to the whole answer, from when a request was meant to start.',
  },
  serviceLatencyP50Seconds: {
    unit: 's',
    help: 'Median of the time to the whole answer, from when a request was dispatched.',
  },
  serviceLatencyP90Seconds: {
    unit: 's',
    help: '90th percentile of the time to the whole answer, from when a request was dispatched.',
  },
  serviceLatencyP99Seconds: {
    unit: 's',
    help: '99th percentile of the time to the whole answer, from when a request was dispatched.',
  },
  interChunkLatencyP50Seconds: {
    unit: 's',
    help: 'Median of the gaps between chunks of an answer, however many tokens a chunk holds.',
  },
  interChunkLatencyP99Seconds: {
    unit: 's',
    help: '99th percentile of the gaps between chunks of an answer, however many tokens a chunk holds.',
  },
  outputLengthRatio: {
    ratio: 'percent',
    better: null,
    help: 'Tokens that came over tokens that were asked for, of answers that were whole.',
  },
  usageDifferenceRatio: {
    ratio: 'percent',
    better: null,
    help: "Output tokens by the server's own count over those by the tokenizer, less one.",
  },
  steadySeconds: {
    unit: 's',
    better: null,
    column: 'steady',
    help: 'Length of the window in which the server was steady, by the method of MLPerf Endpoints; null with the reason where there is none.',
  },
  serverStartSeconds: {
    unit: 's',
    column: 'start',
    help: 'From the start of a server until it had answered a request; null where it was running already.',
  },
  weightsLoadSeconds: { unit: 's', help: 'What of that was loading weights, as the log of the server says.' },
  generatorLagP99Seconds: {
    unit: 's',
    help: '99th percentile of how late the load generator sent requests, against its own schedule.',
  },
  kvCacheUsageRatio: {
    ratio: 'percent',
    better: null,
    help: 'Largest share of its KV cache that a server said it used.',
  },
  prefixCacheHitRatio: {
    ratio: 'percent',
    better: 'max',
    help: 'Share of prompt tokens that a server found in its prefix cache, over the run.',
  },
  meanQueuedRequests: {
    ratio: 'plain',
    better: 'min',
    help: 'Requests that waited inside the server, on average over its readings.',
  },
  meanRunningRequests: {
    ratio: 'plain',
    better: null,
    help: 'Requests that a server worked on, on average over its readings.',
  },
  preemptionsPerRequest: {
    ratio: 'plain',
    better: 'min',
    help: 'How often a server took memory away from a request that it had begun, per request.',
  },
  acceptanceLength: {
    ratio: 'plain',
    better: 'max',
    help: 'Tokens per verification step of speculative decoding: one, and those of the draft that were accepted.',
  },
  draftAcceptanceRatio: {
    ratio: 'percent',
    better: 'max',
    help: 'Share of drafted tokens that were accepted.',
  },
  energyPerAcceptedDraftTokenJoules: {
    unit: 'J/token',
    help: 'Energy of the run over the drafted tokens that were accepted.',
  },
} satisfies Readonly<Record<string, Described>>;

export type MetricName = keyof typeof TABLE;

function defined(name: MetricName, described: Described): MetricDefinition {
  const { help, column = null, reading = null } = described;
  const prometheus = described.prometheus ?? name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const measured =
    'ratio' in described
      ? ({ unit: 'ratio', ratioStyle: described.ratio, better: described.better } as const)
      : {
          unit: described.unit,
          ratioStyle: null,
          better: described.better === undefined ? BETTER[described.unit] : described.better,
        };
  return { name, prometheus, column, help, reading, ...measured };
}

export const METRICS: readonly MetricDefinition[] = Object.entries(TABLE).map(([name, described]) =>
  defined(name as MetricName, described),
);

const byName = new Map<string, MetricDefinition>(METRICS.map((m) => [m.name, m]));

/** @returns the definition, or undefined for a name that is not in the catalogue. */
export function metricNamed(name: string): MetricDefinition | undefined {
  return byName.get(name);
}

export const METRIC_NAMES: readonly MetricName[] = METRICS.map((m) => m.name);

/** What two runs are compared by when nothing was asked for: shown by default, and better one way. A prediction says nothing of how a run went. */
export const COMPARED_METRICS: readonly MetricDefinition[] = METRICS.filter(
  ({ column, better }) => column !== null && better !== null,
);
