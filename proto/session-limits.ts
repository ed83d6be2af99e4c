import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { WireError } from './errors.js';
import { AgentServiceService, SessionRequest } from './gen/ridgepoint/v1/agents.js';
import { MAX_TRIAL_IDS, SESSION_BYTES } from './limits.js';
import { readable } from './readable.js';

/** Fields of one SessionRequest: it holds one message, and a newer agent may add a few. */
const MAX_FIELDS = 16;

/**
 * The agents' service with limits on each kind of message, kept on the bytes before they are decoded: a heartbeat has no use for
 * what a result may have.
 */
export const LimitedAgentService: typeof AgentServiceService = readable({
  session: { ...AgentServiceService.session, requestDeserialize: read },
});

function read(bytes: Buffer): SessionRequest {
  const reader = new BinaryReader(bytes);
  for (let fields = 1; reader.pos < reader.len; fields += 1) {
    const [field, type] = reader.tag();
    if (fields > MAX_FIELDS || type === WireType.StartGroup)
      throw new Error('it has fields that no agent sends');
    const begin = reader.pos;
    reader.skip(type, field);
    const [name, limit] = limitOf(field);
    const size = reader.pos - begin;
    if (size > limit) {
      throw new WireError(
        'too-large',
        `A message "${name}" of ${size} bytes came; a session takes ${limit} bytes of this kind.`,
      );
    }
  }
  const request = SessionRequest.decode(bytes);
  const named = trialIdsOf(request);
  if (named <= MAX_TRIAL_IDS) return request;
  throw new WireError(
    'too-large',
    `A message names ${named} trials; a session takes ${MAX_TRIAL_IDS} in one.`,
  );
}

function limitOf(field: number): [name: string, bytes: number] {
  for (const [name, limit] of Object.entries(SESSION_BYTES))
    if (limit.field === field) return [name, limit.bytes];
  return ['other', SESSION_BYTES.other.bytes];
}

function trialIdsOf({ message }: SessionRequest): number {
  switch (message?.$case) {
    case 'hello':
      return Math.max(message.value.runningTrialIds.length, message.value.endedTrialIds.length);
    case 'heartbeat':
      return message.value.trialIds.length;
    case 'leaving':
      return message.value.returnedTrialIds.length;
    default:
      return 0;
  }
}
