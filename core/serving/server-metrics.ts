/** Metrics of a server's own endpoint that rows tell, each with the series it is read from. */
export const SERVER_METRICS = [
  'requestsRunning',
  'requestsWaiting',
  'kvCacheUsageRatio',
  'prefixCacheQueriedTokens',
  'prefixCacheHitTokens',
  'prefixCacheHitRatio',
  'preemptions',
  'draftedTokens',
  'acceptedDraftTokens',
  'draftSteps',
  'promptTokens',
  'generatedTokens',
  'decodeSteps',
] as const;
export type ServerMetric = (typeof SERVER_METRICS)[number];
