/**
 * A real model with every technique, quality, energy and roofs: whatever a dashboard can show of a result.
 */
export const TECHNIQUES_SWEEP = `
apiVersion: ridgepoint.dev/v1
kind: Sweep
metadata: { name: observed }
spec:
  models: [{ name: tiny, source: "builtin:tiny" }]
  techniques:
    quantization: [f16, q8_0]
    sparsity: [none, "magnitude:50%"]
    adapter: [none, "synthetic:lora?rank=4"]
  runners: [{ kind: llama-cpp, flashAttention: true }]
  zip: [[quantization, sparsity]]
  workloads: [{ kind: latency, promptTokens: 256, generateTokens: 32 }]
  quality: { text: "builtin:sample", maxWindows: 1 }
  measure: { starts: 1, minRepeats: 2, maxRepeats: 2, maxWarmups: 1, warmupSpread: 1 }
  placement: { retries: 0, driftControl: false }
  objectives: { decodeTokensPerSecond: max, perplexity: min }
`;

/**
 * Trials that do not count: a model that cannot be loaded, and times that differ too much for strict gates.
 */
export const INVALID_SWEEP = `
apiVersion: ridgepoint.dev/v1
kind: Sweep
metadata: { name: invalid }
spec:
  models: [{ name: tiny, source: "builtin:tiny" }]
  runners: [{ kind: fake, fakeFailure: [none, load], fakeJitter: 0.5 }]
  workloads: [{ kind: latency, promptTokens: 8, generateTokens: 8 }]
  measure: ${JSON.stringify({ starts: 1, minRepeats: 3, maxRepeats: 3, maxWarmups: 1, warmupSpread: 1, maxSpread: 0.000001, gates: 'strict' })}
  placement: { retries: 0, driftControl: false }
`;

/**
 * A server under two loads: enough requests for a p99, and so slow that a busy machine's generator is no part
 * of it.
 */
export const SERVING_SWEEP = `
apiVersion: ridgepoint.dev/v1
kind: Sweep
metadata: { name: served }
spec:
  models: [{ name: tiny, source: "builtin:tiny" }]
  runners: [{ kind: simulated-server, simulatedTtftSeconds: 1, simulatedItlSeconds: 0.01 }]
  workloads: [{ kind: serving, concurrency: [40, 60], requests: 120, warmupRequests: 1, audit: false, outputTokens: 8, slo: "ttft:p90<=3s" }]
  measure: { starts: 1, warmupSpread: 1 }
  placement: { retries: 0, driftControl: false }
`;
