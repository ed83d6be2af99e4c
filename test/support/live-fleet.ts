import { loadAgentConfig } from '../../agent/config.js';
import { type RunningAgent, startAgent } from '../../agent/main.js';
import { temporaryFolder } from './folder.js';

/** A real agent that runs the fake runner in real children. */
export async function startFakeRunnerAgent(coordinator: string, nodeName = 'node1'): Promise<RunningAgent> {
  return await startAgent(
    loadAgentConfig({
      env: {},
      overrides: {
        nodeName,
        coordinator,
        stateFolder: temporaryFolder(),
        cacheFolder: temporaryFolder(),
        runners: ['fake'],
        roofs: 'off',
        logLevel: 'silent',
      },
    }),
  );
}

/** A sweep of the fake runner with six points of about a second each; no gate may fire on a busy machine. */
export const SIX_POINTS = `
apiVersion: ridgepoint.dev/v1
kind: Sweep
metadata: { name: followed }
spec:
  models: [{ name: tiny, source: "builtin:tiny" }]
  runners: [{ kind: fake, fakeDecodeTokensPerSecond: [100, 200, 400] }]
  workloads: [{ kind: latency, promptTokens: 8, generateTokens: 16, parallel: [1, 2] }]
  measure: { starts: 1, minRepeats: 3, maxRepeats: 3, maxWarmups: 1 }
  placement: { driftControl: false, retries: 0 }
  objectives: { decodeTokensPerSecond: max, peakResidentBytes: min }
`;
