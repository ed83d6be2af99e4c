/** What a policy allows that lets no row be invalid for the machine's sake: such tests ask whether things happen, not how still it was. */
export const UNJUDGED = {
  maxSpread: 100,
  maxForeignCores: 1000,
  maxStealRatio: 1,
  maxCoreLatencyRatio: 1000,
} as const;

/** The same as the fields of a policy in a sweep file. */
export const UNJUDGED_FIELDS = Object.entries(UNJUDGED)
  .map(([name, limit]) => `${name}: ${limit}`)
  .join(', ');

/** A sweep file for the fake runner with one point for each number of generated tokens. */
export function fakeSweep(
  points: number,
  more: { name?: string; placement?: string; measure?: string } = {},
): string {
  const tokens = Array.from({ length: points }, (_, index) => index + 1);
  return `
apiVersion: ridgepoint.dev/v1
kind: Sweep
metadata: { name: ${more.name ?? 'fake'} }
spec:
  models: "builtin:tiny"
  runners: [{ kind: fake }]
  workloads: [{ kind: latency, promptTokens: 8, generateTokens: [${tokens.join(', ')}] }]
  measure: ${more.measure ?? `{ starts: 1, ${UNJUDGED_FIELDS} }`}
  placement: ${more.placement ?? '{ driftControl: false, retries: 1 }'}
`;
}

/** The request that submits a document. */
export const submission = (document: string, retryFailed = false) => ({
  document,
  modelsJson: '',
  submitter: 'test',
  retryFailed,
});
