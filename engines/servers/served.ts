import type { ServerProfile } from '../../core/runners/server/profile.js';

/** What of a profile is about asking. */
export type AskedProfile = Pick<ServerProfile, Asking | 'promptLogProbabilities' | 'nextLogProbabilities'>;
type Asking = 'paths' | 'exactLength' | 'streamOptions' | 'metrics' | 'prefixes' | 'loras';

/** A server that a trial may ask, as its load generator is told of it. */
export interface ServedEndpoint {
  /** Of the node's configuration. */
  readonly name: string;
  readonly url: string;
  /** How it is asked and watched. */
  readonly profile: AskedProfile;
  /** What requests call the model. */
  readonly model: string;
  /** Adapters that it loaded for requests to choose among, in that order. */
  readonly loras: readonly string[];
  readonly apiKey: string | null;
  /**
   * Of the server here, with its workers below it; null = it runs elsewhere, or its processes are not seen.
   */
  readonly pid: number | null;
  /** From its start until it had answered a request; null where somebody else started it. */
  readonly startSeconds: number | null;
  /** Of these, as its log says; null = it does not. */
  readonly weightsLoadSeconds: number | null;
  /** It was running already, for a trial that asked for the same. */
  readonly kept: boolean;
}

/**
 * @returns fields of a request that shall be answered by the model as it is, whatever adapters a server has
 *   loaded.
 */
export function withoutLora({ loras, profile }: ServedEndpoint): Readonly<Record<string, unknown>> {
  return loras.length === 0 ? {} : (profile.loras?.none ?? {});
}
