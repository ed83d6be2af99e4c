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

export interface MetricDefinition {
  /** camelCase, as in sweep files and records; carries its unit. */
  readonly name: string;
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

const metric = (
  name: string,
  prometheus: string,
  unit: Exclude<Unit, 'ratio'>,
  better: MetricBetter,
  column: string | null,
  help: string,
  reading: MetricReading | null = null,
) =>
  ({
    name,
    prometheus,
    unit,
    ratioStyle: null,
    better,
    column,
    help,
    reading,
  }) as const satisfies MetricDefinition;

const ratio = (
  name: string,
  prometheus: string,
  ratioStyle: RatioStyle,
  better: MetricBetter,
  column: string | null,
  help: string,
  reading: MetricReading | null = null,
) =>
  ({
    name,
    prometheus,
    unit: 'ratio',
    ratioStyle,
    better,
    column,
    help,
    reading,
  }) as const satisfies MetricDefinition;

export const METRICS = [
  metric(
    'prefillTokensPerSecond',
    'prefill_tokens_per_second',
    'tokens/s',
    'max',
    'prefill',
    'Prompt tokens of all sequences divided by the time of the prefill phase (llama-bench: pp).',
  ),
  metric(
    'decodeTokensPerSecond',
    'decode_tokens_per_second',
    'tokens/s',
    'max',
    'decode',
    'Generated tokens of all sequences divided by the time of the decode phase, without sampling (llama-bench: tg).',
  ),
  metric(
    'timeToFirstTokenSeconds',
    'time_to_first_token_seconds',
    's',
    'min',
    'TTFT',
    "From the start of the prefill until the first token's logits exist; tokenization and sampling excluded.",
  ),
  metric(
    'timePerOutputTokenSeconds',
    'time_per_output_token_seconds',
    's',
    'min',
    null,
    'Decode time of a repeat divided by its decode steps (vLLM: TPOT, first token excluded).',
  ),
  metric(
    'interTokenLatencyP50Seconds',
    'inter_token_latency_p50_seconds',
    's',
    'min',
    'ITL p50',
    'Median of the gaps between tokens, pooled over all repeats.',
  ),
  metric(
    'interTokenLatencyP90Seconds',
    'inter_token_latency_p90_seconds',
    's',
    'min',
    null,
    '90th percentile of the pooled gaps between tokens.',
  ),
  metric(
    'interTokenLatencyP95Seconds',
    'inter_token_latency_p95_seconds',
    's',
    'min',
    null,
    '95th percentile of the pooled gaps between tokens.',
  ),
  metric(
    'interTokenLatencyP99Seconds',
    'inter_token_latency_p99_seconds',
    's',
    'min',
    'ITL p99',
    '99th percentile of the pooled gaps between tokens.',
  ),
  metric(
    'loadSeconds',
    'load_seconds',
    's',
    'min',
    null,
    'From opening the model file until the context is ready; the page cache may be warm.',
  ),
  metric(
    'peakResidentBytes',
    'peak_resident_bytes',
    'B',
    'min',
    'peak RSS',
    "Largest resident set of the trial's process (kernel's VmHWM), mapped model pages included.",
  ),
  metric(
    'peakProportionalBytes',
    'peak_proportional_bytes',
    'B',
    'min',
    null,
    'Largest proportional set size seen between repeats: shared pages counted by their share.',
    peak('processProportionalBytes'),
  ),
  metric(
    'deviceMemoryPeakBytes',
    'device_memory_peak_bytes',
    'B',
    'min',
    null,
    'Largest memory in use on the device during the trial, as its driver reports it.',
    peak('deviceMemoryBytes'),
  ),
  metric(
    'modelBytes',
    'model_bytes',
    'B',
    'min',
    'model',
    'Bytes of all weight tensors in the file that was run.',
  ),
  metric(
    'kvCacheBytes',
    'kv_cache_bytes',
    'B',
    'min',
    null,
    'Bytes of the key/value cache that the context allocated.',
  ),
  metric(
    'adapterBytes',
    'adapter_bytes',
    'B',
    'min',
    null,
    'Bytes of the adapter files that ran beside the weights.',
  ),
  metric(
    'adapterLoadSeconds',
    'adapter_load_seconds',
    's',
    'min',
    null,
    'Time the engine took to read the adapters and put them beside the weights; part of the load.',
  ),
  ratio(
    'bitsPerWeight',
    // llama.cpp's word; promtool takes `bits` in a name for a unit that should be bytes.
    'model_bpw',
    'plain',
    'min',
    null,
    'Bits of all weight tensors divided by the number of parameters.',
  ),
  ratio(
    'compressionRatio',
    'compression_ratio',
    'times',
    'max',
    null,
    'Weight bytes of the base file divided by those of the file that was run.',
  ),
  ratio(
    'weightSparsityRatio',
    'weight_sparsity_ratio',
    'percent',
    'max',
    null,
    'Share of zeros among the weights of the pruned matrices, counted in the file.',
  ),
  metric(
    'makeSeconds',
    'make_seconds',
    's',
    'min',
    null,
    'Time to make the file that was run from the base, all steps together; missing when an earlier trial made it.',
  ),
  ratio(
    'perplexity',
    'perplexity',
    'plain',
    'min',
    'PPL',
    'exp of the mean negative log-likelihood per token of the text (llama-perplexity).',
  ),
  ratio(
    'perplexityRatio',
    'perplexity_ratio',
    'plain',
    'min',
    null,
    "Perplexity over the base model's on the same predictions.",
  ),
  metric(
    'klDivergenceNats',
    'kl_divergence_nats',
    'nats',
    'min',
    'KLD',
    'Mean Kullback–Leibler divergence of the model from its base per token, in nats.',
  ),
  metric(
    'klDivergenceP99Nats',
    'kl_divergence_p99_nats',
    'nats',
    'min',
    null,
    '99th percentile of that divergence over tokens.',
  ),
  ratio(
    'topAgreementRatio',
    'top_agreement_ratio',
    'percent',
    'max',
    'top-1',
    'Share of predictions whose most likely token is the same as of the base.',
  ),
  ratio(
    'taskScoreRatio',
    'task_score_ratio',
    'percent',
    'max',
    'score',
    'Mean score over the tasks, each by its main score: options by likelihood per byte, or its first scorer.',
  ),
  ratio(
    'taskRetentionRatio',
    'task_retention_ratio',
    'percent',
    'max',
    'retained',
    "Mean over tasks of the score as a share of the base's on the same items.",
  ),
  metric(
    'qualitySeconds',
    'quality_seconds',
    's',
    null,
    null,
    'Time the measurement of quality took, base included; of the trial that made it when it was reused.',
  ),
  metric(
    'averageMemoryBytes',
    'average_memory_bytes',
    'B',
    'min',
    null,
    'Mean memory in use during prefill and decode: of the device, or resident in the process on a CPU (EfficientLLM: AMU).',
    mean('processResidentBytes', 'deviceMemoryBytes'),
  ),
  ratio(
    'averageUtilizationRatio',
    'average_utilization_ratio',
    'percent',
    null,
    null,
    'Mean utilization of the device during prefill and decode, or of the CPUs the trial had (EfficientLLM: PCU, a mean despite its name).',
  ),
  metric(
    'averageLatencySeconds',
    'average_latency_seconds',
    's',
    'min',
    null,
    'Mean time of one repeat from its first prompt token to its last output token (EfficientLLM: AL).',
  ),
  metric(
    'outputTokensPerSecond',
    'output_tokens_per_second',
    'tokens/s',
    'max',
    null,
    'Generated tokens of all sequences divided by the time of prefill and decode (EfficientLLM: IT).',
  ),
  ratio(
    'modelCompressionRate',
    'model_compression_rate',
    'times',
    'max',
    null,
    'Compression ratio, from real bytes with those of attached adapters, times what is left of the performance: of the task scores, or else of the likelihood (EfficientLLM: MCR).',
  ),
  metric(
    'trainTokensPerSecond',
    'train_tokens_per_second',
    'tokens/s',
    'max',
    'train',
    'Tokens of one training step divided by its time: forward, backward, optimizer and filling in the batch.',
  ),
  metric('trainStepSeconds', 'train_step_seconds', 's', 'min', null, 'Time of one training step.'),
  metric(
    'forwardSeconds',
    'forward_seconds',
    's',
    'min',
    null,
    'Forward part of a training step, the loss included.',
  ),
  metric(
    'backwardSeconds',
    'backward_seconds',
    's',
    'min',
    null,
    'Backward part of a training step: the gradients of all that is trained.',
  ),
  metric(
    'optimizerSeconds',
    'optimizer_seconds',
    's',
    'min',
    null,
    "The optimizer's part of a training step.",
  ),
  metric(
    'samplesPerParameterSecond',
    'samples_per_parameter_second',
    '1/s',
    'max',
    null,
    'Windows of a training step per parameter of the base and second (EfficientLLM: ST).',
  ),
  metric('firstLoss', 'first_loss_nats', 'nats', null, null, 'Mean loss of the first training step.'),
  metric(
    'finalLoss',
    'final_loss_nats',
    'nats',
    'min',
    null,
    'Mean loss of the last tenth of the training steps.',
  ),
  metric(
    'evalLoss',
    'eval_loss_nats',
    'nats',
    'min',
    'eval loss',
    'Mean loss on the part of the text that was held out, after training.',
  ),
  metric(
    'evalLossChange',
    'eval_loss_change_nats',
    'nats',
    'min',
    null,
    'Loss on the part of the text that was held out, after training less before.',
  ),
  metric(
    'trainableParameters',
    'trainable_parameters',
    'parameters',
    'min',
    'trainable',
    'Numbers that training changes.',
  ),
  metric(
    'trainedBytes',
    'trained_bytes',
    'B',
    'min',
    null,
    'File that training made: the adapter, or the whole model.',
  ),
  metric(
    'trainingWeightBytes',
    'training_weight_bytes',
    'B',
    'min',
    null,
    'Memory of the weights while training, the adapter included.',
  ),
  metric(
    'gradientBytes',
    'gradient_bytes',
    'B',
    'min',
    null,
    'Memory of the gradients of all that is trained.',
  ),
  metric('optimizerBytes', 'optimizer_bytes', 'B', 'min', null, "Memory of the optimizer's moments."),
  metric(
    'activationBytes',
    'activation_bytes',
    'B',
    'min',
    null,
    'Memory of everything a training step computes at its largest moment, and of its inputs and labels.',
  ),
  metric(
    'energyJoules',
    'energy_joules',
    'J',
    'min',
    null,
    'Energy of the measured phases (prefill and decode, or a training step) of one repeat, gross (idle power included).',
  ),
  metric(
    'energyNetJoules',
    'energy_net_joules',
    'J',
    'min',
    null,
    'Energy of one repeat less the idle baseline over the same time.',
  ),
  metric(
    'prefillEnergyJoules',
    'prefill_energy_joules',
    'J',
    'min',
    null,
    'Gross energy of the prefill phase of one repeat.',
  ),
  metric(
    'decodeEnergyJoules',
    'decode_energy_joules',
    'J',
    'min',
    null,
    'Gross energy of the decode phase of one repeat.',
  ),
  metric(
    'energyPerOutputTokenJoules',
    'energy_per_output_token_joules',
    'J/token',
    'min',
    'energy/out',
    'Gross energy of a repeat divided by its generated tokens.',
  ),
  metric(
    'energyPerTotalTokenJoules',
    'energy_per_total_token_joules',
    'J/token',
    'min',
    null,
    'Gross energy of a repeat divided by its prompt, generated or trained tokens.',
  ),
  metric(
    'energyNetPerOutputTokenJoules',
    'energy_net_per_output_token_joules',
    'J/token',
    'min',
    null,
    'Net energy of a repeat (above the idle baseline) divided by its generated tokens.',
  ),
  metric(
    'prefillEnergyPerTokenJoules',
    'prefill_energy_per_token_joules',
    'J/token',
    'min',
    null,
    'Gross energy of the prefill phase divided by its prompt tokens.',
  ),
  metric(
    'decodeEnergyPerTokenJoules',
    'decode_energy_per_token_joules',
    'J/token',
    'min',
    null,
    'Gross energy of the decode phase divided by its generated tokens: energyPerOutputTokenJoules without the prompt.',
  ),
  metric(
    'tokensPerJoule',
    'tokens_per_joule',
    'tokens/J',
    'max',
    null,
    'Generated tokens of a repeat divided by its gross energy.',
  ),
  metric(
    'totalTokensPerJoule',
    'total_tokens_per_joule',
    'tokens/J',
    'max',
    null,
    'Prompt, generated or trained tokens of a repeat divided by its gross energy.',
  ),
  metric(
    'energyDelayProductJouleSeconds',
    'energy_delay_product_joule_seconds',
    'J*s',
    'min',
    null,
    'Gross energy of a repeat times its duration.',
  ),
  metric(
    'averagePowerWatts',
    'average_power_watts',
    'W',
    'min',
    null,
    'Energy of the prefill and decode phases divided by their time.',
  ),
  metric(
    'idlePowerWatts',
    'idle_power_watts',
    'W',
    null,
    null,
    'Power of the same source before the trial, with the model not yet loaded.',
  ),
  metric(
    'energyIntegralJoules',
    'energy_integral_joules',
    'J',
    null,
    null,
    'Integral of power readings over the prefill and decode phases of one repeat: the cross-check of a counter.',
  ),
  ratio(
    'energyIntegralDifferenceRatio',
    'energy_integral_difference_ratio',
    'percent',
    null,
    null,
    'Integral of power less the energy counter, as a share of the counter, over all repeats.',
  ),
  metric(
    'carbonGrams',
    'carbon_grams',
    'g',
    'min',
    null,
    'CO2 equivalent of one repeat: its gross energy times the grid intensity that the sweep or the node states; nothing without one.',
  ),
  metric(
    'carbonPerOutputTokenGrams',
    'carbon_per_output_token_grams',
    'g/token',
    'min',
    null,
    'CO2 equivalent of a repeat divided by its generated tokens.',
  ),
  metric(
    'processCores',
    'process_cores',
    'cores',
    null,
    null,
    "CPU time of the trial's process per second during prefill and decode.",
  ),
  ratio(
    'systemBusyRatio',
    'system_busy_ratio',
    'percent',
    null,
    null,
    'Share of all CPU time that was not idle during prefill and decode.',
  ),
  metric(
    'foreignCores',
    'foreign_cores',
    'cores',
    null,
    null,
    "CPU use by other processes during prefill and decode, in cores (the agent's own included).",
  ),
  ratio(
    'stealRatio',
    'steal_ratio',
    'percent',
    null,
    null,
    'Share of CPU time taken by the hypervisor during prefill and decode.',
  ),
  metric(
    'clockHertz',
    'clock_hertz',
    'Hz',
    null,
    null,
    'Mean clock of the cores (or of the device) during prefill and decode.',
    mean('cpuClockHertz', 'deviceClockHertz'),
  ),
  metric(
    'temperaturePeakCelsius',
    'temperature_peak_celsius',
    'celsius',
    'min',
    null,
    'Highest temperature of the package or device during the trial.',
    peak('cpuTemperatureCelsius', 'deviceTemperatureCelsius'),
  ),
  ratio(
    'prefillModelFlopsUtilizationRatio',
    'prefill_model_flops_utilization_ratio',
    'percent',
    'max',
    null,
    'MFU of the prefill: FLOPs that the model asks (causal attention counted once, padding not) / seconds / peak of the arithmetic that most of them are in, at the threads of the trial. The source says whose peak: measured roofs or the catalogue.',
  ),
  ratio(
    'decodeModelFlopsUtilizationRatio',
    'decode_model_flops_utilization_ratio',
    'percent',
    'max',
    null,
    'MFU of decoding: FLOPs that the model asks / seconds / peak of the arithmetic that most of them are in.',
  ),
  ratio(
    'decodeModelBandwidthUtilizationRatio',
    'decode_model_bandwidth_utilization_ratio',
    'percent',
    'max',
    'MBU',
    'MBU: bytes of weights and KV cache that every step reads / seconds of a step / read bandwidth at the threads of the trial, of memory, or of the last cache where all of it fits there.',
  ),
  ratio(
    'prefillRoofRatio',
    'prefill_roof_ratio',
    'percent',
    'max',
    'prefill % of roof',
    'The least time that the roofs allow for a prefill, operator by operator the longer of FLOPs / peak and bytes / bandwidth, over the time it took; 1 leaves nothing to gain.',
  ),
  ratio(
    'decodeRoofRatio',
    'decode_roof_ratio',
    'percent',
    'max',
    'decode % of roof',
    'The least time that the roofs allow for decoding, operator by operator, over the time it took.',
  ),
  ratio(
    'forwardModelFlopsUtilizationRatio',
    'forward_model_flops_utilization_ratio',
    'percent',
    'max',
    null,
    'MFU of the forward part of a training step: FLOPs of its graph / seconds / peak of the arithmetic that most of them are in.',
  ),
  ratio(
    'backwardModelFlopsUtilizationRatio',
    'backward_model_flops_utilization_ratio',
    'percent',
    'max',
    null,
    'MFU of the backward part of a training step: FLOPs of its graph / seconds / peak of the arithmetic that most of them are in.',
  ),
  ratio(
    'forwardRoofRatio',
    'forward_roof_ratio',
    'percent',
    'max',
    'forward % of roof',
    'The least time that the roofs allow for the forward part of a training step, operator by operator, over the time it took.',
  ),
  ratio(
    'backwardRoofRatio',
    'backward_roof_ratio',
    'percent',
    'max',
    'backward % of roof',
    'The least time that the roofs allow for the backward part of a training step, operator by operator, over the time it took.',
  ),
  metric(
    'predictedPrefillSeconds',
    'predicted_prefill_seconds',
    's',
    null,
    null,
    "Predicted time of a repeat's prefill: each operator under the roofs, times the efficiency factors fitted on this node, and what each node of the graph and each pass takes besides.",
  ),
  metric(
    'predictedTimePerOutputTokenSeconds',
    'predicted_time_per_output_token_seconds',
    's',
    null,
    null,
    'Predicted time of a decode step, the mean over the steps of a repeat; made as predictedPrefillSeconds.',
  ),
  ratio(
    'prefillPredictionErrorRatio',
    'prefill_prediction_error_ratio',
    'percent',
    null,
    null,
    'Predicted over measured time of the prefill, less one: 0.1 predicts a tenth too slow.',
  ),
  ratio(
    'decodePredictionErrorRatio',
    'decode_prediction_error_ratio',
    'percent',
    null,
    null,
    'Predicted over measured time of decoding, less one: 0.1 predicts a tenth too slow.',
  ),
  metric(
    'kernelSeconds',
    'kernel_seconds',
    's',
    'min',
    'call',
    'Time of one call of an op: the median of the calls of a repeat.',
  ),
  metric(
    'achievedBytesPerSecond',
    'achieved_bytes_per_second',
    'B/s',
    'max',
    'GB/s',
    'Bytes that a call of an op has to move at least (inputs read once, outputs written once) over its time.',
  ),
  metric(
    'achievedFlopsPerSecond',
    'achieved_flops_per_second',
    'FLOP/s',
    'max',
    'GFLOP/s',
    'Operations of a call of an op over its time; a multiply and an add are two.',
  ),
  ratio(
    'kernelRoofRatio',
    'kernel_roof_ratio',
    'percent',
    'max',
    '% of roof',
    "The least time that the node's measured roofs allow for a call, of its bytes or of its FLOPs, whichever is longer, over the time it took. Warm calls stand under the last cache.",
  ),
  metric(
    'energyPerCallJoules',
    'energy_per_call_joules',
    'J',
    'min',
    'J/call',
    'Energy of the calls of a repeat of an op over their number.',
  ),
] as const;

export type MetricName = (typeof METRICS)[number]['name'];

const byName = new Map<string, MetricDefinition>(METRICS.map((m) => [m.name, m]));

/** @returns the definition, or undefined for a name that is not in the catalogue. */
export function metricNamed(name: string): MetricDefinition | undefined {
  return byName.get(name);
}

export const METRIC_NAMES: readonly MetricName[] = METRICS.map((m) => m.name);
