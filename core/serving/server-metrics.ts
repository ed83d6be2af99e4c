/**
 * Metrics from a server's own endpoint that rows have. A counter only grows, and its increase over a load is
 * used; a gauge is a value at one moment.
 */
export const SERVER_METRICS = {
  requestsRunning: 'gauge',
  requestsWaiting: 'gauge',
  kvCacheUsageRatio: 'gauge',
  prefixCacheQueriedTokens: 'counter',
  prefixCacheHitTokens: 'counter',
  prefixCacheHitRatio: 'gauge',
  preemptions: 'counter',
  draftedTokens: 'counter',
  acceptedDraftTokens: 'counter',
  draftSteps: 'counter',
  promptTokens: 'counter',
  generatedTokens: 'counter',
  decodeSteps: 'counter',
} as const;
export type ServerMetric = keyof typeof SERVER_METRICS;

/** In the order of the list. */
export const SERVER_METRIC_NAMES = Object.keys(SERVER_METRICS) as [ServerMetric, ...ServerMetric[]];
