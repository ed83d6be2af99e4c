import {
  DiscardPolicy,
  type JetStreamManager,
  type NatsConnection,
  nanos,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
  type StreamInfo,
} from 'nats';
import { failed } from '../../../core/errors.js';
import { HEADER_BYTES } from './appends.js';
import { isStreamNotFound } from './errors.js';

/** Oldest release of the NATS server that the log is tested with. */
const OLDEST = { major: 2, minor: 12 } as const;
const LEAST_PAYLOAD_BYTES = 128 * 1024;

/** What every stream of ours is. */
const KEEPS_ALL = {
  retention: RetentionPolicy.Limits,
  storage: StorageType.File,
  // A full stream refuses new facts; it must never forget old ones.
  discard: DiscardPolicy.New,
  deny_delete: true,
  deny_purge: true,
} as const;

/** @throws FailureError for a server of an unsupported release, or one that takes only small messages. */
export function checkServer({ info }: NatsConnection): void {
  const version = info?.version ?? 'unknown';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < OLDEST.major || (major === OLDEST.major && minor < OLDEST.minor)) {
    const message = `The NATS server is version ${version}; the log needs ${OLDEST.major}.${OLDEST.minor} or newer.`;
    const hint = `Update the server, or use \`log: { kind: sqlite }\`.`;
    throw failed('internal', message, hint);
  }
  const most = info?.max_payload ?? 0;
  if (most < LEAST_PAYLOAD_BYTES) {
    const message = `The NATS server takes messages of ${most} bytes; the log needs ${LEAST_PAYLOAD_BYTES}.`;
    throw failed('internal', message, 'Raise its max_payload.');
  }
}

/**
 * @returns the stream, made when it is not there yet and may be.
 * @throws FailureError when it is one that would lose facts.
 */
export async function ensureStream(
  manager: JetStreamManager,
  name: string,
  replicas: number,
  make: boolean,
): Promise<StreamInfo> {
  try {
    const found = await manager.streams.info(name);
    checkStream(found);
    return found;
  } catch (error) {
    if (!isStreamNotFound(error)) throw error;
    if (!make) {
      throw failed(
        'internal',
        `There is no JetStream stream ${name}.`,
        'Name another one by `?stream=NAME`.',
      );
    }
  }
  return await manager.streams.add({
    name,
    subjects: [subjectOf(name)],
    ...KEEPS_ALL,
    num_replicas: replicas,
    duplicate_window: nanos(120_000),
  });
}

export function subjectOf(stream: string): string {
  return `${stream}.facts`;
}

/** @returns bytes that the body of one message may have. */
export function bodyBytes(connection: NatsConnection, { config }: StreamInfo): number {
  const most = connection.info?.max_payload ?? LEAST_PAYLOAD_BYTES;
  return (config.max_msg_size > 0 ? Math.min(most, config.max_msg_size) : most) - HEADER_BYTES;
}

function checkStream({ config, state }: StreamInfo): void {
  const wrong = [...wrongSettings(config)];
  if (state.first_seq > 1 && state.last_seq > 0) wrong.push(`messages 1 to ${state.first_seq - 1} are gone`);
  else if ((state.num_deleted ?? 0) > 0) wrong.push(`${state.num_deleted} messages are gone`);
  if (wrong.length === 0) return;
  const hint =
    'Mend it with `nats stream edit`, or choose another stream: one that Ridgepoint makes keeps everything.';
  throw failed('internal', `The JetStream stream ${config.name} can lose facts: ${wrong.join('; ')}.`, hint);
}

function* wrongSettings(config: StreamConfig & { readonly persist_mode?: string }): Generator<string> {
  const subject = subjectOf(config.name);
  const subjects = config.subjects ?? [];
  if (subjects.length !== 1 || subjects[0] !== subject) {
    yield `its subjects are ${subjects.join(', ') || 'none'}, not ${subject} alone`;
  }
  for (const [name, value] of Object.entries(KEEPS_ALL)) {
    const has = config[name as keyof typeof KEEPS_ALL];
    if (has !== value) yield `its ${name} is ${has ?? false}, not ${value}`;
  }
  // Limits of messages and bytes refuse new facts, by `discard: new`; these would still take old ones away.
  if (config.max_age > 0) yield 'it has a max_age';
  if (config.max_msgs_per_subject > 0) yield 'it has a max_msgs_per_subject';
  if (config.no_ack === true) yield 'its no_ack is true';
  if (config.sealed === true) yield 'it is sealed';
  if (config.mirror !== undefined || (config.sources?.length ?? 0) > 0) yield 'it copies other streams';
  if (config.persist_mode === 'async') yield 'its persist_mode is async';
  if (config.max_msg_size > 0 && config.max_msg_size < LEAST_PAYLOAD_BYTES) {
    yield `its max_msg_size is ${config.max_msg_size}, less than ${LEAST_PAYLOAD_BYTES}`;
  }
}

/**
 * Whether stream and account would take so many bytes more, by the limits that they state. Appends are
 * compressed, so this asks for more than one of that many bytes takes.
 * @throws FailureError `disk-full`, NatsError when the server does not answer.
 */
export async function checkRoom(manager: JetStreamManager, stream: string, bytes: number): Promise<void> {
  const { config, state } = await manager.streams.info(stream);
  const { limits, storage } = await manager.getAccountInfo();
  const full =
    (config.max_bytes > 0 && state.bytes + bytes > config.max_bytes) ||
    (config.max_msgs > 0 && state.messages >= config.max_msgs) ||
    (limits.max_storage > 0 && storage + bytes > limits.max_storage);
  if (!full) return;
  const hint = 'Give the stream or its account more storage; nothing was half-written.';
  throw failed('disk-full', `The JetStream stream ${stream} is full.`, hint);
}
