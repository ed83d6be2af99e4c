import { type ChannelOptions, Metadata, type ServiceError } from '@grpc/grpc-js';
import { getOrMake } from '../core/maps.js';
import { askLeader, type CoordinatorAccess, streamFromLeader } from './again.js';
import { addressesOf, type Coordinators, coordinatorsAt } from './coordinators.js';
import { fromServiceError, WireError } from './errors.js';
import { AgentServiceClient, type SessionRequest, type SessionResponse } from './gen/ridgepoint/v1/agents.js';
import {
  ArtifactServiceClient,
  type ClaimArtifactRequest,
  type ClaimArtifactResponse,
  type GetArtifactRequest,
  type GetArtifactResponse,
  type OfferArtifactRequest,
  type OfferArtifactResponse,
  type PutArtifactRequest,
  type PutArtifactResponse,
} from './gen/ridgepoint/v1/artifacts.js';
import {
  BodyServiceClient,
  type FindBodyRequest,
  type FindBodyResponse,
  type GetBodyRequest,
  type GetBodyResponse,
  type PutBodyRequest,
  type PutBodyResponse,
} from './gen/ridgepoint/v1/bodies.js';
import {
  type CancelSweepRequest,
  type CancelSweepResponse,
  ControlServiceClient,
  type CordonNodeRequest,
  type CordonNodeResponse,
  type DeleteSweepsRequest,
  type DeleteSweepsResponse,
  type DrainNodeRequest,
  type DrainNodeResponse,
  type GetSweepRequest,
  type GetSweepResponse,
  type ListNamespacesResponse,
  type ListNodesResponse,
  type ListSweepsResponse,
  type PauseSweepRequest,
  type PauseSweepResponse,
  type PinSweepRequest,
  type PinSweepResponse,
  type ReadLogRequest,
  type ReadLogResponse,
  RecordDetail,
  type ResumeSweepRequest,
  type ResumeSweepResponse,
  type StreamResultsRequest,
  type StreamResultsResponse,
  type SubmitSweepRequest,
  type SubmitSweepResponse,
  type VerifyLogResponse,
  type WatchLeaderResponse,
  type WatchSweepRequest,
  type WatchSweepResponse,
} from './gen/ridgepoint/v1/control.js';
import { CHANNEL_OPTIONS, quietTransport } from './limits.js';
import { Outages, type Patience, SHORT_PATIENCE } from './outage.js';
import { type ClientSecurity, clientCredentials, nameSent } from './security.js';
import { type Duplex, messagesOf, sender } from './stream.js';

export interface Endpoint {
  /**
   * `host:port`, `[v6]:port` or `unix:/path`; of several coordinators on one log all of them, with commas
   * between.
   */
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

/**
 * What people and tools ask of a coordinator; of several, of the one that leads, and when another one does
 * meanwhile of that one. Every method throws WireError only.
 */
export interface ControlConnection {
  submitSweep(request: SubmitSweepRequest, limits?: CallLimits): Promise<SubmitSweepResponse>;
  cancelSweep(request: CancelSweepRequest, limits?: CallLimits): Promise<CancelSweepResponse>;
  deleteSweeps(request: DeleteSweepsRequest, limits?: CallLimits): Promise<DeleteSweepsResponse>;
  pinSweep(request: PinSweepRequest, limits?: CallLimits): Promise<PinSweepResponse>;
  pauseSweep(request: PauseSweepRequest, limits?: CallLimits): Promise<PauseSweepResponse>;
  resumeSweep(request: ResumeSweepRequest, limits?: CallLimits): Promise<ResumeSweepResponse>;
  listSweeps(limits?: CallLimits): Promise<ListSweepsResponse>;
  getSweep(request: GetSweepRequest, limits?: CallLimits): Promise<GetSweepResponse>;
  listNodes(limits?: CallLimits): Promise<ListNodesResponse>;
  drainNode(request: DrainNodeRequest, limits?: CallLimits): Promise<DrainNodeResponse>;
  cordonNode(request: CordonNodeRequest, limits?: CallLimits): Promise<CordonNodeResponse>;
  listNamespaces(limits?: CallLimits): Promise<ListNamespacesResponse>;
  /** Ends when the sweep is finished or the signal aborts. */
  watchSweep(request: WatchSweepRequest, signal?: AbortSignal): AsyncIterable<WatchSweepResponse>;
  /** Whole records, one a message, unless the request says otherwise. */
  streamResults(request: ResultsRequest, signal?: AbortSignal): AsyncIterable<StreamResultsResponse>;
  /**
   * Every entry of the log after one. It goes on where it broke off, and ends where the log ended when it
   * began.
   */
  readLog(request: ReadLogRequest, signal?: AbortSignal): AsyncIterable<ReadLogResponse>;
  verifyLog(signal?: AbortSignal): AsyncIterable<VerifyLogResponse>;
  /** Who leads, of each address that answers: the first that each of them says. */
  leaders(): Promise<{ readonly address: string; readonly answer: WatchLeaderResponse | WireError }[]>;
  /** A file that the result of a trial refers to, piece by piece. */
  getBody(
    request: Pick<GetBodyRequest, 'digest' | 'trialId'>,
    signal?: AbortSignal,
  ): AsyncIterable<GetBodyResponse>;
  close(): void;
}

export interface AgentConnection {
  /** Opens the agent's stream; iteration ends when the signal aborts and throws WireError on any break. */
  session(signal: AbortSignal): Duplex<SessionRequest, SessionResponse>;
  /** Whether it knows several coordinators. */
  readonly several: boolean;
  findBody(request: FindBodyRequest, limits?: CallLimits): Promise<FindBodyResponse>;
  putBody(request: PutBodyRequest, limits?: CallLimits): Promise<PutBodyResponse>;
  claimArtifact(request: ClaimArtifactRequest, limits?: CallLimits): Promise<ClaimArtifactResponse>;
  putArtifact(request: PutArtifactRequest, limits?: CallLimits): Promise<PutArtifactResponse>;
  offerArtifact(request: OfferArtifactRequest, limits?: CallLimits): Promise<OfferArtifactResponse>;
  /** A file of an artifact from there on, piece by piece. */
  getArtifact(request: GetArtifactRequest, signal?: AbortSignal): AsyncIterable<GetArtifactResponse>;
  close(): void;
}

const WHOLE_RECORDS = { detail: RecordDetail.RECORD_DETAIL_UNSPECIFIED, together: false, after: 0 };
/** A coordinator that is asked for its word only answers within this. */
const WORD_SECONDS = 5;

/** The clients of one kind, each made when its address is asked first. */
class Clients<C extends { close(): void }> {
  readonly #made = new Map<string, C>();
  readonly #make: (address: string) => C;

  /** @param text addresses that are known: those that may not be dialled are refused at once */
  constructor(text: string, make: (address: string) => C) {
    this.#make = make;
    for (const address of addressesOf(text)) this.clientAt(address);
  }

  clientAt(address: string): C {
    return getOrMake(this.#made, address, () => this.#make(address));
  }

  close(): void {
    for (const client of this.#made.values()) client.close();
  }
}

/**
 * @param patience with coordinators that cannot answer now.
 * @throws WireError `refused` when plaintext is asked for and an address is not loopback.
 */
export function connectControl(
  { address: text, security }: Endpoint,
  patience: Patience = SHORT_PATIENCE,
): ControlConnection {
  const clients = new Clients(text, (address) => new ControlServiceClient(...dial({ address, security })));
  const bodies = new Clients('', (address) => new BodyServiceClient(...dial({ address, security })));
  const watch = (address: string, signal: AbortSignal) =>
    incoming<WatchLeaderResponse>(() => clients.clientAt(address).watchLeader({}), signal);
  const access = accessTo(text, watch, patience);
  const asking = <Request, Response>(
    method: (client: ControlServiceClient) => Unary<Request, Response>,
    request: Request,
    limits: CallLimits = {},
  ): Promise<Response> =>
    askLeader(access, limits.signal, (place, wanted) => {
      const signal = AbortSignal.any([place.moved, wanted]);
      const client = clients.clientAt(place.address);
      return unary(method(client).bind(client) as Unary<Request, Response>, request, { ...limits, signal });
    });
  const streaming = streamsOf(access, clients);
  return {
    submitSweep: (request, limits) => asking((client) => client.submitSweep, request, limits),
    cancelSweep: (request, limits) => asking((client) => client.cancelSweep, request, limits),
    deleteSweeps: (request, limits) => asking((client) => client.deleteSweeps, request, limits),
    pinSweep: (request, limits) => asking((client) => client.pinSweep, request, limits),
    pauseSweep: (request, limits) => asking((client) => client.pauseSweep, request, limits),
    resumeSweep: (request, limits) => asking((client) => client.resumeSweep, request, limits),
    listSweeps: (limits) => asking((client) => client.listSweeps, {}, limits),
    getSweep: (request, limits) => asking((client) => client.getSweep, request, limits),
    listNodes: (limits) => asking((client) => client.listNodes, {}, limits),
    drainNode: (request, limits) => asking((client) => client.drainNode, request, limits),
    cordonNode: (request, limits) => asking((client) => client.cordonNode, request, limits),
    listNamespaces: (limits) => asking((client) => client.listNamespaces, {}, limits),
    watchSweep: (request, signal) =>
      streaming<WatchSweepResponse>((client) => client.watchSweep(request), signal),
    streamResults(request, signal) {
      const wanted = { ...WHOLE_RECORDS, ...request };
      // Entries of the log are numbered alike at every coordinator.
      const seen = ({ position }: StreamResultsResponse): void => {
        wanted.after = Math.max(wanted.after, position);
      };
      return streaming((client) => client.streamResults(wanted), signal, seen);
    },
    readLog(request, signal) {
      const wanted = { ...request };
      const seen = ({ position, end }: ReadLogResponse): void => {
        wanted.after = Math.max(wanted.after, position);
        wanted.until = end;
      };
      return streaming((client) => client.readLog(wanted), signal, seen);
    },
    verifyLog: (signal) => streaming<VerifyLogResponse>((client) => client.verifyLog({}), signal),
    getBody(request, signal) {
      const wanted = { ...request, offset: 0 };
      return streamFromLeader(
        access,
        signal,
        (place, over) =>
          incoming<GetBodyResponse>(() => bodies.clientAt(place.address).getBody(wanted), over),
        ({ piece }) => {
          wanted.offset += piece.length;
        },
      );
    },
    leaders: () =>
      Promise.all(
        addressesOf(text).map(async (address) => ({ address, answer: await firstOf(address, watch) })),
      ),
    close() {
      access.coordinators.close();
      bodies.close();
      clients.close();
    },
  };
}

/** @returns what asks for a stream, and goes on where it broke off. */
function streamsOf(access: CoordinatorAccess, clients: Clients<ControlServiceClient>) {
  return <Message>(
    open: (client: ControlServiceClient) => Incoming,
    signal: AbortSignal | undefined,
    seen?: (message: Message) => void,
  ): AsyncIterable<Message> =>
    streamFromLeader(
      access,
      signal,
      (place, over) => incoming<Message>(() => open(clients.clientAt(place.address)), over),
      seen,
    );
}

function accessTo(
  text: string,
  watch: Parameters<typeof coordinatorsAt>[1],
  patience: Patience,
): CoordinatorAccess {
  const coordinators = coordinatorsAt(text, watch, (trouble) => outages.noteTrouble(trouble));
  const outages = new Outages(text, patience, () => coordinators.listen());
  return { coordinators, outages };
}

async function firstOf(
  address: string,
  watch: (address: string, signal: AbortSignal) => AsyncIterable<WatchLeaderResponse>,
): Promise<WatchLeaderResponse | WireError> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), 1000 * WORD_SECONDS);
  try {
    for await (const answer of watch(address, late.signal)) return answer;
    return new WireError('unavailable', 'It does not answer.');
  } catch (error) {
    return fromServiceError(error);
  } finally {
    clearTimeout(timer);
  }
}

/** @throws WireError `refused` when plaintext is asked for and an address is not loopback. */
export function connectAgents({ address: text, security }: Endpoint): AgentConnection {
  const clients = new Clients(text, (address) => new AgentServiceClient(...dial({ address, security })));
  // On the connection of the session.
  const watchers = new Clients('', (address) => {
    const [target, credentials, options] = dial({ address, security });
    const channelOverride = clients.clientAt(address).getChannel();
    return new ControlServiceClient(target, credentials, { ...options, channelOverride });
  });
  const watch = (address: string, signal: AbortSignal) =>
    incoming<WatchLeaderResponse>(() => watchers.clientAt(address).watchLeader({}), signal);
  const access = accessTo(text, watch, SHORT_PATIENCE);
  const { coordinators } = access;
  const bodies = new Clients('', (address) => new BodyServiceClient(...dial({ address, security })));
  const artifacts = new Clients('', (address) => new ArtifactServiceClient(...dial({ address, security })));
  const asks =
    <C extends { close(): void }>(of: Clients<C>) =>
    <Request, Response>(
      method: (client: C) => Unary<Request, Response>,
      request: Request,
      limits: CallLimits = {},
    ): Promise<Response> =>
      askLeader(access, limits.signal, (place, signal) => {
        const client = of.clientAt(place.address);
        return unary(method(client).bind(client) as Unary<Request, Response>, request, { ...limits, signal });
      });
  const asking = asks(bodies);
  const exchanging = asks(artifacts);
  return {
    several: addressesOf(text).length > 1,
    session: (signal) => agentSession(coordinators, (address) => clients.clientAt(address), signal),
    findBody: (request, limits) => asking((client) => client.findBody, request, limits),
    putBody: (request, limits) => asking((client) => client.putBody, request, limits),
    claimArtifact: (request, limits) => exchanging((client) => client.claimArtifact, request, limits),
    putArtifact: (request, limits) => exchanging((client) => client.putArtifact, request, limits),
    offerArtifact: (request, limits) => exchanging((client) => client.offerArtifact, request, limits),
    getArtifact(request, signal) {
      const wanted = { ...request };
      return streamFromLeader(
        access,
        signal,
        (place, over) =>
          incoming<GetArtifactResponse>(() => artifacts.clientAt(place.address).getArtifact(wanted), over),
        ({ piece }) => {
          wanted.offset += piece.length;
        },
      );
    },
    close() {
      coordinators.close();
      watchers.close();
      artifacts.close();
      bodies.close();
      clients.close();
    },
  };
}

function agentSession(
  coordinators: Coordinators,
  clientAt: (address: string) => AgentServiceClient,
  signal: AbortSignal,
): Duplex<SessionRequest, SessionResponse> {
  const opening = (async () => {
    const place = await coordinators.place(signal);
    const call = clientAt(place.address).session();
    // An error between two reads must not crash the process; the iteration below throws it.
    call.on('error', () => undefined);
    return { place, call, send: sender<SessionRequest>(call) };
  })();
  opening.catch(() => undefined);
  return {
    send: async (message) => (await opening).send(message),
    end: () => void opening.then(({ call }) => call.end()).catch(() => undefined),
    async *[Symbol.asyncIterator]() {
      if (signal.aborted) return;
      const { place, call } = await opening.catch((error: unknown) => {
        throw fromServiceError(error);
      });
      try {
        yield* incoming<SessionResponse>(() => call, AbortSignal.any([signal, place.moved]));
      } catch (error) {
        coordinators.failed(place, error);
        throw error;
      }
    },
  };
}

/**
 * Sent to a client before it has taken what came: at HTTP/2's 64 KiB both ends of a stream of results wait
 * for each other.
 */
const AHEAD_BYTES = 4 * 1024 * 1024;

function dial(endpoint: Endpoint): [string, ReturnType<typeof clientCredentials>, ChannelOptions] {
  quietTransport();
  const { address, security } = endpoint;
  const name = security.kind === 'plaintext' ? null : nameSent(address, security.serverName);
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
      else reject(endedBy(error, signal));
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
    throw endedBy(error, signal);
  } finally {
    signal?.removeEventListener('abort', cancel);
    if (!ended) call.cancel();
  }
}

/** A call that was cancelled, though nobody here has done so, was ended by a coordinator that stops. */
function endedBy(error: unknown, signal: AbortSignal | undefined): WireError {
  const wire = fromServiceError(error);
  if (wire.code !== 'cancelled' || signal?.aborted === true) return wire;
  return new WireError('unavailable', 'The coordinator has stopped.', [], { cause: error });
}
