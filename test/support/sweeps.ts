/** A sweep file for the fake runner with one point for each number of generated tokens. */
export function fakeSweep(
  points: number,
  more: {
    name?: string;
    placement?: string;
    measure?: string;
    promptTokens?: number;
    objectives?: string;
  } = {},
): string {
  const tokens = Array.from({ length: points }, (_, index) => index + 1);
  return `
apiVersion: ridgepoint.dev/v1
kind: Sweep
metadata: { name: ${more.name ?? 'fake'} }
spec:
  models: "builtin:tiny"
  runners: [{ kind: fake }]
  workloads: [{ kind: latency, promptTokens: ${more.promptTokens ?? 8}, generateTokens: [${tokens.join(', ')}] }]
  measure: ${more.measure ?? '{ starts: 1 }'}
  placement: ${more.placement ?? '{ driftControl: false, retries: 1 }'}${
    more.objectives === undefined
      ? ''
      : `
  objectives: ${more.objectives}`
  }
`;
}

/** The request that submits a document. */
export const submission = (document: string, retryFailed = false) => ({
  document,
  modelsJson: '',
  submitter: 'test',
  retryFailed,
});
