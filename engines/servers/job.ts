import type { ServerProfile } from '../../core/runners/server/profile.js';
import type { Job } from '../../process/isolation/job.js';

export interface ServeRequest {
  /** For sentences: the name of the configuration. */
  readonly name: string;
  /** Program and arguments; `{port}` is where the port goes. */
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly profile: Pick<ServerProfile, 'readiness' | 'shutdown' | 'paths' | 'log'>;
  /** What requests call the model; null = what the server lists first. */
  readonly model: string | null;
  readonly apiKey: string | null;
  /** The GPU that it sees; '' = all. */
  readonly deviceId: string;
}

/** A server that answers. */
export interface Serving {
  readonly url: string;
  /** Process id of the server. */
  readonly pid: number;
  /** What requests call the model. */
  readonly model: string;
  /** From its start until it had answered a request. */
  readonly startSeconds: number;
  /** Of these, as its log says; null = it does not. */
  readonly weightsLoadSeconds: number | null;
}

export type ServeReport = { readonly type: 'serving' } & Serving;

/** How it ended when it was told to. */
export interface ServeEnd {
  readonly exitCode: number | null;
  readonly signal: string | null;
}

/** What a keeper has its warden start; later messages to it are signals for the server. */
export interface WardenOrder {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/** What a warden says: that the server runs, and how it ended. */
export type WardenReport = { readonly pid: number } | ServeEnd;

/**
 * Starts a server, says when it answers, and keeps it until it is stopped. The child is its keeper: whatever
 * ends the agent, the keeper notices, and ends the server with everything that it started.
 */
export const SERVE: Job<ServeRequest, ServeEnd, ServeReport> = {
  name: 'serve',
  what: 'the server',
  run: async (request, channel) => (await import('./serve.js')).serve(request, channel),
  deviceOf: ({ deviceId }) => deviceId,
  cleansUp: true,
};
