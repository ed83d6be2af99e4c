import { type ChannelOptions, logVerbosity, setLogVerbosity } from '@grpc/grpc-js';
import type { Scope } from './security.js';

/*
 * What a coordinator takes over gRPC, at most, each with its reason. Limits are kept before what they limit
 * is buffered or parsed: connections when they are accepted, callers when the headers of a call are there,
 * messages when their length is.
 */

const KIB = 1024;
const MIB = 1024 * KIB;

/**
 * A result with its raw samples can be large: 64 MiB are four million readings. grpc-js stops at 4 MiB unless
 * told otherwise.
 */
const MAX_MESSAGE_BYTES = 64 * MIB;

/** Of a file that records refer to, what one message brings. */
export const BODY_PIECE_BYTES = MIB;

export interface MethodLimits {
  /** Who may call it; `known`: whoever has any scope; `anybody`: probes and tools that have no credential. */
  readonly access: Scope | 'known' | 'anybody';
  /** Of one request message, compressed or not. */
  readonly requestBytes: number;
}

const read: MethodLimits = { access: 'read', requestBytes: 64 * KIB };
const probe: MethodLimits = { access: 'anybody', requestBytes: 4 * KIB };

/** Every method that is served; what is not listed is refused to everybody. */
export const METHODS: Readonly<Record<string, MethodLimits>> = {
  // Its messages have limits of their own, below.
  '/ridgepoint.v1.AgentService/Session': { access: 'agent', requestBytes: MAX_MESSAGE_BYTES },
  // A sweep file has 1 MB; what is known of its models comes beside it.
  '/ridgepoint.v1.ControlService/SubmitSweep': { access: 'submit', requestBytes: 4 * MIB },
  // Ids and a reason for people.
  '/ridgepoint.v1.ControlService/CancelSweep': { access: 'submit', requestBytes: 64 * KIB },
  '/ridgepoint.v1.ControlService/DeleteSweeps': { access: 'submit', requestBytes: 64 * KIB },
  '/ridgepoint.v1.ControlService/PinSweep': { access: 'submit', requestBytes: 64 * KIB },
  '/ridgepoint.v1.ControlService/PauseSweep': { access: 'submit', requestBytes: 64 * KIB },
  '/ridgepoint.v1.ControlService/ResumeSweep': { access: 'submit', requestBytes: 64 * KIB },
  '/ridgepoint.v1.ControlService/DrainNode': { access: 'submit', requestBytes: 64 * KIB },
  '/ridgepoint.v1.ControlService/CordonNode': { access: 'submit', requestBytes: 64 * KIB },
  '/ridgepoint.v1.ControlService/ReadLog': { access: 'admin', requestBytes: 4 * KIB },
  '/ridgepoint.v1.ControlService/VerifyLog': { access: 'admin', requestBytes: 4 * KIB },
  '/ridgepoint.v1.ControlService/ListNamespaces': read,
  '/ridgepoint.v1.ControlService/ListSweeps': read,
  '/ridgepoint.v1.ControlService/GetSweep': read,
  '/ridgepoint.v1.ControlService/WatchSweep': read,
  '/ridgepoint.v1.ControlService/StreamResults': read,
  '/ridgepoint.v1.ControlService/ListNodes': read,
  '/ridgepoint.v1.ControlService/WatchLeader': { access: 'known', requestBytes: 4 * KIB },
  '/ridgepoint.v1.BodyService/FindBody': { access: 'agent', requestBytes: 4 * KIB },
  '/ridgepoint.v1.BodyService/PutBody': { access: 'agent', requestBytes: BODY_PIECE_BYTES + 4 * KIB },
  '/ridgepoint.v1.BodyService/GetBody': read,
  '/ridgepoint.v1.ArtifactService/ClaimArtifact': { access: 'agent', requestBytes: 4 * KIB },
  '/ridgepoint.v1.ArtifactService/PutArtifact': { access: 'agent', requestBytes: BODY_PIECE_BYTES + 4 * KIB },
  // What its maker noted, and the digests of some hundred files.
  '/ridgepoint.v1.ArtifactService/OfferArtifact': { access: 'agent', requestBytes: MIB },
  '/ridgepoint.v1.ArtifactService/GetArtifact': { access: 'agent', requestBytes: 4 * KIB },
  '/grpc.health.v1.Health/Check': probe,
  '/grpc.health.v1.Health/List': probe,
  '/grpc.health.v1.Health/Watch': probe,
  '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo': probe,
  '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo': probe,
};

/** Bytes of each kind of SessionRequest, by its field number; a field that is not known has `other`. */
export const SESSION_BYTES = {
  // A node with hundreds of devices.
  hello: { field: 1, bytes: MIB },
  leaseRequest: { field: 2, bytes: 4 * KIB },
  // A thousand ids of trials, of some 100 bytes.
  heartbeat: { field: 3, bytes: 256 * KIB },
  result: { field: 4, bytes: MAX_MESSAGE_BYTES },
  progress: { field: 5, bytes: 4 * KIB },
  leaving: { field: 6, bytes: 256 * KIB },
  // Each of them has its own limit besides.
  several: { field: 7, bytes: MAX_MESSAGE_BYTES },
  other: { field: null, bytes: 64 * KIB },
} as const;

/** Trials that one message names: a node runs one on each device. */
export const MAX_TRIAL_IDS = 1024;

export interface ConnectionLimits {
  /** Open at a time; each costs some 100 KiB with TLS. */
  readonly connections: number;
  /** Of one address: a fleet behind one NAT has as many as it has agents. */
  readonly connectionsByAddress: number;
  /**
   * Of one address, those on which nobody has been admitted yet: who is refused tries again within seconds.
   */
  readonly unauthenticatedByAddress: number;
  /** For so long a connection may do nothing before somebody on it is admitted. */
  readonly unauthenticatedSeconds: number;
}

export const CONNECTION_LIMITS: ConnectionLimits = {
  connections: 8192,
  connectionsByAddress: 4096,
  unauthenticatedByAddress: 256,
  unauthenticatedSeconds: 20,
};

/**
 * Connections that one address may begin. Each costs a handshake: of more than are accepted in time
 * everybody's wait in the system's queue. Thousands of agents behind one address are back within half a
 * minute.
 */
export const DIALS_BY_ADDRESS = { perSecond: 200, burst: 512 };

/** Calls that are refused on a connection on which nobody was admitted; then it is cut. */
export const MOST_REFUSED_CALLS = 100;

/** Longest record of a result, as JSON; the rest of its message is identifiers. */
export const MAX_RESULT_BYTES = MAX_MESSAGE_BYTES - 64 * 1024;

/** Both ends use the same: a peer that is gone without a word is noticed within half a minute. */
export const CHANNEL_OPTIONS: ChannelOptions = {
  'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
  'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
  'grpc.keepalive_time_ms': 20_000,
  'grpc.keepalive_timeout_ms': 10_000,
  'grpc.keepalive_permit_without_calls': 1,
  // A coordinator that comes back is found again within seconds, not after a two-minute back-off.
  'grpc.initial_reconnect_backoff_ms': 200,
  'grpc.max_reconnect_backoff_ms': 5_000,
};

/** Headers stay at Node's own limits for HTTP/2: 128 of them, 64 KiB together. */
export const SERVER_OPTIONS: ChannelOptions = {
  ...CHANNEL_OPTIONS,
  'grpc.http2.min_time_between_pings_ms': 5_000,
  // An agent needs one; a tool that watches every sweep needs one for each.
  'grpc.max_concurrent_streams': 128,
  // Megabytes that one connection's HTTP/2 session may hold; grpc-js allows any number. Above it new calls
  // are refused.
  'grpc-node.max_session_memory': 256,
};

/**
 * grpc-js prints to stderr what it also gives to its callers; ours say it once. GRPC_VERBOSITY brings it
 * back.
 */
export function quietTransport(): void {
  if (process.env.GRPC_VERBOSITY === undefined) setLogVerbosity(logVerbosity.NONE);
}
