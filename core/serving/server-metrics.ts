/**
 * Metrics of a server's own endpoint that rows tell. A counter only grows, and what it grew by over a run is
 * what it did; a gauge is what it is at a moment.
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
