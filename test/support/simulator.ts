import type { Endpoint, PlannedRequest } from '../../load/endpoint.js';
import { simulatorOptions } from '../../load/simulator/options.js';
import { type Simulator, startSimulator } from '../../load/simulator/server.js';

/** Lends a simulated server with these options. */
export async function withSimulator<T>(
  options: Parameters<typeof simulatorOptions>[0],
  use: (simulator: Simulator) => Promise<T>,
): Promise<T> {
  const simulator = await startSimulator(await simulatorOptions(options));
  try {
    return await use(simulator);
  } finally {
    await simulator.close();
  }
}

/** How a load generator calls it. */
export function endpointOf(url: string, rest: Partial<Endpoint> = {}): Endpoint {
  return {
    url,
    api: 'completions',
    paths: { chat: '/v1/chat/completions', completions: '/v1/completions' },
    model: 'simulated',
    stream: true,
    headers: {},
    body: {},
    timeoutSeconds: 10,
    ...rest,
  };
}

/** A request that stands alone. */
export function plain(
  prompt: string,
  wantedTokens: number,
  rest: Partial<PlannedRequest> = {},
): PlannedRequest {
  return {
    prompt,
    promptTokens: null,
    wantedTokens,
    conversation: null,
    turn: 0,
    follows: false,
    thinkSeconds: 0,
    atSeconds: null,
    ...rest,
  };
}

/** So many of them. */
export function many(count: number, wantedTokens: number): PlannedRequest[] {
  return Array.from({ length: count }, (_, i) => plain(`request number ${i}`, wantedTokens));
}
