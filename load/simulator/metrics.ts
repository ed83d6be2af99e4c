import type { SimulatorOptions } from './options.js';

/** What a simulated server counts of itself. */
export interface Counters {
  promptTokens: number;
  /** Prompt tokens that were found in its cache. */
  cachedTokens: number;
  promptSeconds: number;
  outputTokens: number;
  outputSeconds: number;
  processing: number;
  deferred: number;
  chunks: number;
  /** Whole answers. */
  answered: number;
  /** Times from requests to their first chunks, by the server's clock. */
  firstToken: Observed;
  /** From each chunk to the next. */
  interChunk: Observed;
  /**
   * Times per token of complete answers: from the first chunk to the last, divided by the tokens after the
   * first.
   */
  perToken: Observed;
}

/** What a histogram has seen. */
interface Observed {
  count: number;
  sum: number;
}

export function observe(observed: Observed, value: number): void {
  observed.count += 1;
  observed.sum += value;
}

export function noCounters(): Counters {
  const emptyHistogram = () => ({ count: 0, sum: 0 });
  return {
    promptTokens: 0,
    cachedTokens: 0,
    promptSeconds: 0,
    outputTokens: 0,
    outputSeconds: 0,
    processing: 0,
    deferred: 0,
    chunks: 0,
    answered: 0,
    firstToken: emptyHistogram(),
    interChunk: emptyHistogram(),
    perToken: emptyHistogram(),
  };
}

/**
 * @returns the counters in the format of the imitated server's `/metrics`; those of a cache only if there is
 *   one that reports them.
 */
export function metricsText(
  counters: Counters,
  { speaks, model, keeps }: Pick<SimulatorOptions, 'speaks' | 'model' | 'keeps'>,
): string {
  const tells = keeps === 'beginnings';
  return speaks === 'vLLM' ? vllmMetrics(counters, model, tells) : llamaServerMetrics(counters, tells);
}

/** Those series of vLLM 0.32 that mean something here (vllm/v1/metrics/loggers.py). */
function vllmMetrics(counters: Counters, model: string, tells: boolean): string {
  const labels = (more = '') => `{engine="0"${more},model_name="${model}"}`;
  const lines = (name: string, type: string, values: readonly (readonly [suffix: string, value: number])[]) =>
    `# TYPE vllm:${name} ${type}\n${values.map(([suffix, value]) => `vllm:${name}${suffix} ${value}\n`).join('')}`;
  const single = (type: string, name: string, value: number) => lines(name, type, [[labels(), value]]);
  const histogram = (name: string, { count, sum }: Observed) =>
    lines(name, 'histogram', [
      [`_bucket{engine="0",le="+Inf",model_name="${model}"}`, count],
      [`_count${labels()}`, count],
      [`_sum${labels()}`, sum],
    ]);
  const { promptTokens, cachedTokens, outputTokens, chunks, answered, processing, deferred } = counters;
  return [
    single('gauge', 'num_requests_running', processing),
    single('gauge', 'num_requests_waiting', deferred),
    single('counter', 'prompt_tokens_total', promptTokens),
    single('counter', 'generation_tokens_total', outputTokens),
    ...(tells
      ? [
          single('counter', 'prefix_cache_queries_total', promptTokens),
          single('counter', 'prefix_cache_hits_total', cachedTokens),
        ]
      : []),
    lines('request_success_total', 'counter', [
      [labels(',finished_reason="stop"'), 0],
      [labels(',finished_reason="length"'), answered],
    ]),
    histogram('iteration_tokens_total', { count: chunks, sum: promptTokens + outputTokens }),
    histogram('time_to_first_token_seconds', counters.firstToken),
    histogram('inter_token_latency_seconds', counters.interChunk),
    histogram('request_time_per_output_token_seconds', counters.perToken),
  ].join('');
}

/** tools/server/README.md of llama.cpp. */
function llamaServerMetrics(counters: Counters, tells: boolean): string {
  const { promptTokens, cachedTokens, promptSeconds, outputTokens, outputSeconds } = counters;
  const { processing, deferred, chunks } = counters;
  const rate = (tokens: number, seconds: number) => (seconds === 0 ? 0 : tokens / seconds);
  const [read, made] = [rate(promptTokens - cachedTokens, promptSeconds), rate(outputTokens, outputSeconds)];
  type Family = readonly [name: string, type: 'counter' | 'gauge', help: string, value: number];
  const cached: Family = [
    'prompt_tokens_cached_total',
    'counter',
    'Number of prompt tokens reused from the cache',
    cachedTokens,
  ];
  const families: readonly Family[] = [
    ['prompt_tokens_total', 'counter', 'Number of prompt tokens processed.', promptTokens - cachedTokens],
    ...(tells ? [cached] : []),
    ['prompt_seconds_total', 'counter', 'Prompt process time', promptSeconds],
    ['tokens_predicted_total', 'counter', 'Number of generation tokens processed.', outputTokens],
    ['tokens_predicted_seconds_total', 'counter', 'Predict process time', outputSeconds],
    ['n_decode_total', 'counter', 'Total number of llama_decode() calls', chunks],
    ['prompt_tokens_seconds', 'gauge', 'Average prompt throughput in tokens/s.', read],
    ['predicted_tokens_seconds', 'gauge', 'Average generation throughput in tokens/s.', made],
    ['requests_processing', 'gauge', 'Number of requests processing.', processing],
    ['requests_deferred', 'gauge', 'Number of requests deferred.', deferred],
  ];
  const lines = families.map(([short, type, help, value]) => {
    const name = `llamacpp:${short}`;
    return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${name} ${value}\n`;
  });
  return lines.join('');
}
