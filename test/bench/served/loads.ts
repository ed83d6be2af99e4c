import { loadOf, type TokenLoad } from '../../../batching/load.js';
import type { Options } from '../../../core/experiment/experiment.js';
import { readOptions } from '../../../core/experiment/options.js';
import { serving } from '../../../core/workloads/serving.js';

/** A load by its name, in the words of a sweep's `serving` workload. */
export interface NamedLoad {
  readonly name: string;
  readonly options: ReturnType<typeof servingOptions>;
}

const servingOptions = (options: Options) => readOptions(serving.options, options);

const JUDGED = { inputTokens: 'uniform:32..96', outputTokens: 'uniform:16..32', loadSeed: 11 };

/** What host times are fitted to: none of these loads is judged. */
export const FITTED: readonly NamedLoad[] = [
  {
    name: 'fit: one user, short prompts',
    options: servingOptions({ concurrency: 1, requests: 8, inputTokens: 24, outputTokens: 24 }),
  },
  {
    name: 'fit: one user, long prompts',
    options: servingOptions({ concurrency: 1, requests: 6, inputTokens: 160, outputTokens: 8 }),
  },
  {
    name: 'fit: five users',
    options: servingOptions({ concurrency: 5, requests: 20, inputTokens: 64, outputTokens: 24 }),
  },
];

const USERS = [2, 4, 8, 16];
/** Of what the server holds. */
const SHARES = [0.6, 1.3];

/** @param heldPerSecond what the server is predicted to hold. */
export function judgedLoads(heldPerSecond: number): NamedLoad[] {
  return [
    ...USERS.map((concurrency) => ({
      name: `${concurrency} users`,
      options: servingOptions({ ...JUDGED, concurrency, requests: Math.max(16, 2 * concurrency) }),
    })),
    ...SHARES.map((share) => ({
      name: `${share} of the rate that it holds`,
      options: servingOptions({
        ...JUDGED,
        arrival: 'poisson',
        requestsPerSecond: Number((share * heldPerSecond).toPrecision(3)),
        requests: 30,
      }),
    })),
  ];
}

/** All at once: the rate at which they end is the one that the server holds. */
export const ALL_AT_ONCE: NamedLoad = {
  name: 'all at once',
  options: servingOptions({ ...JUDGED, arrival: 'offline', requests: 64 }),
};

/** @returns the same load as it is simulated. */
export function tokenLoad({ options }: NamedLoad): TokenLoad {
  const load = loadOf(options, null);
  if (typeof load === 'string') throw new Error(load);
  return load;
}
