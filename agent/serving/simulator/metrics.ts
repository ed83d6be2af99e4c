/** What a simulated server counts of itself. */
export interface Counters {
  promptTokens: number;
  promptSeconds: number;
  outputTokens: number;
  outputSeconds: number;
  processing: number;
  deferred: number;
  chunks: number;
}

export function noCounters(): Counters {
  return {
    promptTokens: 0,
    promptSeconds: 0,
    outputTokens: 0,
    outputSeconds: 0,
    processing: 0,
    deferred: 0,
    chunks: 0,
  };
}

/** @returns them as llama-server shows its own at `/metrics` (tools/server/README.md of llama.cpp). */
export function metricsText(counters: Counters): string {
  const { promptTokens, promptSeconds, outputTokens, outputSeconds, processing, deferred, chunks } = counters;
  const rate = (tokens: number, seconds: number) => (seconds === 0 ? 0 : tokens / seconds);
  const families: readonly [string, 'counter' | 'gauge', string, number][] = [
    ['prompt_tokens_total', 'counter', 'Number of prompt tokens processed.', promptTokens],
    ['prompt_seconds_total', 'counter', 'Prompt process time', promptSeconds],
    ['tokens_predicted_total', 'counter', 'Number of generation tokens processed.', outputTokens],
    ['tokens_predicted_seconds_total', 'counter', 'Predict process time', outputSeconds],
    ['n_decode_total', 'counter', 'Total number of llama_decode() calls', chunks],
    [
      'prompt_tokens_seconds',
      'gauge',
      'Average prompt throughput in tokens/s.',
      rate(promptTokens, promptSeconds),
    ],
    [
      'predicted_tokens_seconds',
      'gauge',
      'Average generation throughput in tokens/s.',
      rate(outputTokens, outputSeconds),
    ],
    ['requests_processing', 'gauge', 'Number of requests processing.', processing],
    ['requests_deferred', 'gauge', 'Number of requests deferred.', deferred],
  ];
  return families
    .map(([name, type, help, value]) => {
      const full = `llamacpp:${name}`;
      return `# HELP ${full} ${help}\n# TYPE ${full} ${type}\n${full} ${value}\n`;
    })
    .join('');
}
