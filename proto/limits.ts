import { type ChannelOptions, logVerbosity, setLogVerbosity } from '@grpc/grpc-js';

/** A result with its raw samples can be large; grpc-js stops at 4 MiB unless told otherwise. */
export const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

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

/** grpc-js prints to stderr what it also gives to its callers; ours say it once. GRPC_VERBOSITY brings it back. */
export function quietTransport(): void {
  if (process.env.GRPC_VERBOSITY === undefined) setLogVerbosity(logVerbosity.NONE);
}
