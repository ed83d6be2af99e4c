import type { GeneratorCeiling } from '../core/serving/generator.js';
import { monotonicSeconds } from '../process/isolation/clock.js';
import { ALONE, type Endpoint, type PlannedRequest } from './endpoint.js';
import { runLoad } from './run-load.js';
import { startSimulatorProcess } from './simulator/process.js';

/** Length of a burst. The best of several counts, because Node.js still compiles while the first ones run. */
const BURST_SECONDS = 0.15;
const BURSTS = 3;
const CONCURRENCY = 32;
/** Tokens of a stream whose chunks are counted, so many that its beginning and end do not matter. */
const STREAM_TOKENS = 200;

/**
 * Measures the highest load that this generator can make in this process, with a simulated server that takes
 * no time: requests of one token, and chunks of long streams, per second of the generator's CPU time. CPU
 * time is used because the server may have to share a CPU with it. Takes a little over a second.
 */
export async function measureCeiling(now: () => number = monotonicSeconds): Promise<GeneratorCeiling> {
  const server = await startSimulatorProcess(['--ttft=0', '--itl=0.0005']);
  try {
    const burst = (tokens: number) => perCpuSecond(server.url, tokens, now);
    let [requestsPerSecond, chunksPerSecond] = [0, 0];
    for (let i = 0; i < BURSTS; i++) {
      requestsPerSecond = Math.max(requestsPerSecond, (await burst(1)).requests);
      chunksPerSecond = Math.max(chunksPerSecond, (await burst(STREAM_TOKENS)).chunks);
    }
    return { requestsPerSecond: requestsPerSecond || null, chunksPerSecond: chunksPerSecond || null };
  } finally {
    await server.close();
  }
}

async function perCpuSecond(url: string, tokens: number, now: () => number) {
  const paths = { chat: '/v1/chat/completions', completions: '/v1/completions' };
  const asked = { url, api: 'completions', paths, model: 'simulated', stream: true } as const;
  const endpoint: Endpoint = { ...asked, headers: {}, body: {}, timeoutSeconds: 10 };
  const arrival = { kind: 'closed', concurrency: CONCURRENCY } as const;
  const bounds = { seed: 1, maxSeconds: BURST_SECONDS, maxRequests: null, now };
  const { records, generator } = await runLoad({ endpoint, requests: endless(tokens), arrival, ...bounds });
  const complete = records.filter(({ outcome }) => outcome === 'complete');
  const perCpuSecondOf = (count: number) => count / generator.cpuSeconds;
  const chunks = complete.reduce((sum, one) => sum + one.chunks.seconds.length, 0);
  return { requests: perCpuSecondOf(complete.length), chunks: perCpuSecondOf(chunks) };
}

function* endless(wantedTokens: number): Generator<PlannedRequest> {
  while (true) yield { prompt: 'hello', promptTokens: null, wantedTokens, ...ALONE };
}
