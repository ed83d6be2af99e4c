import { type ChannelOptions, Metadata, type ServiceError } from '@grpc/grpc-js';
import { fromServiceError, WireError } from './errors.js';
import { AgentServiceClient, type SessionRequest, type SessionResponse } from './gen/ridgepoint/v1/agents.js';
import {
  type CancelSweepRequest,
  type CancelSweepResponse,
  ControlServiceClient,
  type DrainNodeRequest,
  type DrainNodeResponse,
  type ListNodesResponse,
  type ListSweepsResponse,
  type PauseSweepRequest,
  type PauseSweepResponse,
  RecordDetail,
  type ResumeSweepRequest,
  type ResumeSweepResponse,
  type StreamResultsRequest,
  type StreamResultsResponse,
  type SubmitSweepRequest,
  type SubmitSweepResponse,
  type WatchSweepRequest,
  type WatchSweepResponse,
} from './gen/ridgepoint/v1/control.js';
import { CHANNEL_OPTIONS, quietTransport } from './limits.js';
import { type ClientSecurity, clientCredentials } from './security.js';
import { type Duplex, messagesOf, sender } from './stream.js';

export interface Endpoint {
  /** `host:port`, `[v6]:port` or `unix:/path`. */
  readonly address: string;
  readonly security: ClientSecurity;
}

export interface CallLimits {
  /** Seconds until the call fails with `deadline`; default 30. */
  readonly deadlineSeconds?: number;
  readonly signal?: AbortSignal;
}

type ResultsRequest = Pick<StreamResultsRequest, 'sweepId' | 'follow' | 'allTrials'> &
  Partial<StreamResultsRequest>;

/** What people and tools ask of a coordinator. Every method throws WireError only. */
export interface ControlConnection {
  submitSweep(request: SubmitSweepRequest, limits?: CallLimits): Promise<SubmitSweepResponse>;
  cancelSweep(request: CancelSweepRequest, limits?: CallLimits): Promise<CancelSweepResponse>;
  pauseSweep(request: PauseSweepRequest, limits?: CallLimits): Promise<PauseSweepResponse>;
  resumeSweep(request: ResumeSweepRequest, limits?: CallLimits): Promise<ResumeSweepResponse>;
  listSweeps(limits?: CallLimits): Promise<ListSweepsResponse>;
  listNodes(limits?: CallLimits): Promise<ListNodesResponse>;
  drainNode(request: DrainNodeRequest, limits?: CallLimits): Promise<DrainNodeResponse>;
  /** Ends when the sweep is finished or the signal aborts. */
  watchSweep(request: WatchSweepRequest, signal?: AbortSignal): AsyncIterable<WatchSweepResponse>;
  /** Whole records, one a message, unless the request says otherwise. */
  streamResults(request: ResultsRequest, signal?: AbortSignal): AsyncIterable<StreamResultsResponse>;
  close(): void;
}

export interface AgentConnection {
  /** Opens the agent's stream; iteration ends when the signal aborts and throws WireError on any break. */
  session(signal: AbortSignal): Duplex<SessionRequest, SessionResponse>;
  close(): void;
}

const WHOLE_RECORDS = { detail: RecordDetail.RECORD_DETAIL_UNSPECIFIED, together: false };

/** @throws WireError `refused` when plaintext is asked for and the address is not loopback. */
export function connectControl(endpoint: Endpoint): ControlConnection {
  const client = new ControlServiceClient(...dial(endpoint));
  return {
    submitSweep: (request, limits) => unary(client.submitSweep.bind(client), request, limits),
    cancelSweep: (request, limits) => unary(client.cancelSweep.bind(client), request, limits),
    pauseSweep: (request, limits) => unary(client.pauseSweep.bind(client), request, limits),
    resumeSweep: (request, limits) => unary(client.resumeSweep.bind(client), request, limits),
    listSweeps: (limits) => unary(client.listSweeps.bind(client), {}, limits),
    listNodes: (limits) => unary(client.listNodes.bind(client), {}, limits),
    drainNode: (request, limits) => unary(client.drainNode.bind(client), request, limits),
    watchSweep: (request, signal) => incoming(() => client.watchSweep(request), signal),
    streamResults: (request, signal) =>
      incoming(() => client.streamResults({ ...WHOLE_RECORDS, ...request }), signal),
    close: () => client.close(),
  };
}

/** @throws WireError `refused` when plaintext is asked for and the address is not loopback. */
export function connectAgents(endpoint: Endpoint): AgentConnection {
  const client = new AgentServiceClient(...dial(endpoint));
  return {
    session(signal) {
      const call = client.session();
      // An error between two reads must not crash the process; the iteration below throws it.
      call.on('error', () => undefined);
      const messages = incoming<SessionResponse>(() => call, signal);
      return {
        send: sender<SessionRequest>(call),
        end: () => call.end(),
        [Symbol.asyncIterator]: () => messages[Symbol.asyncIterator](),
      };
    },
    close: () => client.close(),
  };
}

/** Sent to a client before it has taken what came: at HTTP/2's 64 KiB both ends of a stream of results wait for each other. */
const AHEAD_BYTES = 4 * 1024 * 1024;

function dial(endpoint: Endpoint): [string, ReturnType<typeof clientCredentials>, ChannelOptions] {
  quietTransport();
  const { address, security } = endpoint;
  const name = security.kind === 'plaintext' ? null : security.serverName;
  const override = name === null ? {} : { 'grpc.ssl_target_name_override': name };
  const options = {
    ...CHANNEL_OPTIONS,
    'grpc-node.flow_control_window': AHEAD_BYTES,
    ...override,
  };
  return [address, clientCredentials(address, security), options];
}

type Unary<Request, Response> = (
  request: Request,
  metadata: Metadata,
  options: { deadline: Date },
  callback: (error: ServiceError | null, response: Response) => void,
) => { cancel(): void };

function unary<Request, Response>(
  method: Unary<Request, Response>,
  request: Request,
  { deadlineSeconds = 30, signal }: CallLimits = {},
): Promise<Response> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(new WireError('cancelled', 'The call was cancelled.'));
    const deadline = new Date(Date.now() + deadlineSeconds * 1000);
    const call = method(request, new Metadata(), { deadline }, (error, response) => {
      signal?.removeEventListener('abort', cancel);
      if (error === null) resolve(response);
      else reject(fromServiceError(error));
    });
    const cancel = (): void => call.cancel();
    signal?.addEventListener('abort', cancel, { once: true });
  });
}

interface Incoming extends NodeJS.ReadableStream {
  cancel(): void;
}

/** Reads a call's messages; leaving the loop or aborting the signal cancels the call, without an error. */
async function* incoming<Message>(open: () => Incoming, signal?: AbortSignal): AsyncGenerator<Message> {
  if (signal?.aborted) return;
  const call = open();
  call.on('error', () => undefined);
  const cancel = (): void => call.cancel();
  signal?.addEventListener('abort', cancel, { once: true });
  let ended = false;
  try {
    yield* messagesOf<Message>(call as unknown as Parameters<typeof messagesOf>[0]);
    ended = true;
  } catch (error) {
    if (signal?.aborted) return;
    throw fromServiceError(error);
  } finally {
    signal?.removeEventListener('abort', cancel);
    if (!ended) call.cancel();
  }
}
