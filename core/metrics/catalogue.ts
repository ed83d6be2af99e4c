/**
 * Every metric once: result records, the exporter, dashboards, objectives and the docs read this list.
 * Names follow the field's words: TTFT is the time until the first token's logits exist; TPOT (vLLM's
 * word) is the mean gap after the first token of a repeat; ITL is the pool of single gaps.
 */

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
  | '1/s';

export type MetricBetter = 'max' | 'min' | null;

export interface MetricDefinition {
  /** camelCase, as in sweep files and records; carries its unit. */
  readonly name: string;
  /** Prometheus name after the `ridgepoint_` prefix: base unit suffix, no colons. */
  readonly prometheus: string;
  readonly unit: Unit;
  readonly better: MetricBetter;
  /** Shown in tables when the user did not choose columns. */
  readonly column: string | null;
  readonly help: string;
}

const metric = (
  name: string,
  prometheus: string,
  unit: Unit,
  better: MetricBetter,
  column: string | null,
  help: string,
) => ({ name, prometheus, unit, better, column, help }) as const satisfies MetricDefinition;

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
  ),
  metric(
    'deviceMemoryPeakBytes',
    'device_memory_peak_bytes',
    'B',
    'min',
    null,
    'Largest memory in use on the device during the trial, as its driver reports it.',
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
  metric(
    'bitsPerWeight',
    // llama.cpp's word; promtool takes `bits` in a name for a unit that should be bytes.
    'model_bpw',
    'ratio',
    'min',
    null,
    'Bits of all weight tensors divided by the number of parameters.',
  ),
  metric(
    'compressionRatio',
    'compression_ratio',
    'ratio',
    'max',
    null,
    'Weight bytes of the base file divided by those of the file that was run.',
  ),
  metric(
    'weightSparsityRatio',
    'weight_sparsity_ratio',
    'ratio',
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
  metric(
    'perplexity',
    'perplexity',
    'ratio',
    'min',
    'PPL',
    'exp of the mean negative log-likelihood per token of the text (llama-perplexity).',
  ),
  metric(
    'perplexityRatio',
    'perplexity_ratio',
    'ratio',
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
  metric(
    'topAgreementRatio',
    'top_agreement_ratio',
    'ratio',
    'max',
    'top-1',
    'Share of predictions whose most likely token is the same as of the base.',
  ),
  metric(
    'taskScoreRatio',
    'task_score_ratio',
    'ratio',
    'max',
    'score',
    'Mean score over the tasks, each by its main score: options by likelihood per byte, or its first scorer.',
  ),
  metric(
    'taskRetentionRatio',
    'task_retention_ratio',
    'ratio',
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
  ),
  metric(
    'averageUtilizationRatio',
    'average_utilization_ratio',
    'ratio',
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
  metric(
    'modelCompressionRate',
    'model_compression_rate',
    'ratio',
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
    'tokensPerJoule',
    'tokens_per_joule',
    'tokens/J',
    'max',
    null,
    'Generated tokens of a repeat divided by its gross energy.',
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
  metric(
    'energyIntegralDifferenceRatio',
    'energy_integral_difference_ratio',
    'ratio',
    null,
    null,
    'Integral of power less the energy counter, as a share of the counter, over all repeats.',
  ),
  metric(
    'processCores',
    'process_cores',
    'cores',
    null,
    null,
    "CPU time of the trial's process per second during prefill and decode.",
  ),
  metric(
    'systemBusyRatio',
    'system_busy_ratio',
    'ratio',
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
  metric(
    'stealRatio',
    'steal_ratio',
    'ratio',
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
  ),
  metric(
    'temperaturePeakCelsius',
    'temperature_peak_celsius',
    'celsius',
    'min',
    null,
    'Highest temperature of the package or device during the trial.',
  ),
] as const;

export type MetricName = (typeof METRICS)[number]['name'];

const byName = new Map<string, MetricDefinition>(METRICS.map((m) => [m.name, m]));

/** @returns the definition, or undefined for a name that is not in the catalogue. */
export function metricNamed(name: string): MetricDefinition | undefined {
  return byName.get(name);
}

export const METRIC_NAMES: readonly MetricName[] = METRICS.map((m) => m.name);
