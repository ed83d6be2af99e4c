import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { WireError } from './errors.js';
import { AgentServiceService, SessionRequest } from './gen/ridgepoint/v1/agents.js';
import { MAX_TRIAL_IDS, SESSION_BYTES } from './limits.js';
import { readable } from './readable.js';
import { MOST_TOGETHER, requestsOf } from './several.js';

/** Fields of one SessionRequest: it holds one message, and a few fields more do no harm. */
const MAX_FIELDS = 16;

/**
 * The agents' service with limits on each kind of message, kept on the bytes before they are decoded: a
 * heartbeat has no use for what a result may have.
 */
export const LimitedAgentService: typeof AgentServiceService = readable({
  session: { ...AgentServiceService.session, requestDeserialize: decodeWithinLimits },
});

function decodeWithinLimits(bytes: Buffer): SessionRequest {
  measure(bytes);
  const request = SessionRequest.decode(bytes);
  for (const one of requestsOf(request)) {
    const named = trialIdsOf(one);
    if (named <= MAX_TRIAL_IDS) continue;
    throw new WireError(
      'too-large',
      `A message names ${named} trials; a session takes ${MAX_TRIAL_IDS} in one.`,
    );
  }
  return request;
}

/** @param alone false = the message is one of several. */
function measure(bytes: Uint8Array, alone = true): void {
  const reader = new BinaryReader(bytes);
  for (let fields = 1; reader.pos < reader.len; fields += 1) {
    const [field, type] = reader.tag();
    if (fields > MAX_FIELDS || type === WireType.StartGroup)
      throw new Error('it has fields that no agent sends');
    const begin = reader.pos;
    reader.skip(type, field);
    const [name, limit] = LIMITS.get(field) ?? OTHER;
    const size = reader.pos - begin;
    if (size > limit) {
      throw new WireError(
        'too-large',
        `A message "${name}" of ${size} bytes came; a session takes ${limit} bytes of this kind.`,
      );
    }
    if (field !== SESSION_BYTES.several.field || type !== WireType.LengthDelimited) continue;
    if (!alone) throw new Error('it has several messages in one of several');
    measureEach(new BinaryReader(bytes.subarray(begin, reader.pos)).bytes());
  }
}

function measureEach(several: Uint8Array): void {
  const reader = new BinaryReader(several);
  for (let messages = 1; reader.pos < reader.len; messages += 1) {
    const [field, type] = reader.tag();
    if (messages > MOST_TOGETHER || field !== 1 || type !== WireType.LengthDelimited)
      throw new Error(`it has more than ${MOST_TOGETHER} messages, or something else among them`);
    measure(reader.bytes(), false);
  }
}

const LIMITS: ReadonlyMap<number | null, readonly [name: string, bytes: number]> = new Map(
  Object.entries(SESSION_BYTES).map(([name, { field, bytes }]) => [field, [name, bytes]]),
);
const OTHER = ['other', SESSION_BYTES.other.bytes] as const;

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
