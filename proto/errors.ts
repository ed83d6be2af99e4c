import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { type FailureCode, FailureError, toFailure } from '../core/errors.js';

/**
 * What can go wrong on the wire, in our words; each is one gRPC status code, which is read as the first that
 * has it.
 */
const STATUS = {
  cancelled: status.CANCELLED,
  invalid: status.INVALID_ARGUMENT,
  deadline: status.DEADLINE_EXCEEDED,
  'not-found': status.NOT_FOUND,
  exists: status.ALREADY_EXISTS,
  forbidden: status.PERMISSION_DENIED,
  unauthenticated: status.UNAUTHENTICATED,
  'too-large': status.RESOURCE_EXHAUSTED,
  'too-often': status.RESOURCE_EXHAUSTED,
  refused: status.FAILED_PRECONDITION,
  conflict: status.ABORTED,
  unavailable: status.UNAVAILABLE,
  unimplemented: status.UNIMPLEMENTED,
  internal: status.INTERNAL,
} as const;
export type WireCode = keyof typeof STATUS;
const CODES = Object.keys(STATUS) as WireCode[];

/** An error that crossed the wire, or is about to. The message is one sentence for people. */
export class WireError extends Error {
  override readonly name = 'WireError';
  readonly code: WireCode;
  /** More sentences, e.g. every error of a sweep file; travel as JSON in the trailing metadata. */
  readonly details: readonly string[];
  /**
   * Of a coordinator that does not lead: `host:port` of the one that does; null = it knows of none, or that
   * is not the matter.
   */
  readonly leader: string | null;
  /**
   * Whether the same may succeed in a moment, by itself: the coordinator waits for its log, or for one that
   * leads.
   */
  readonly passes: boolean;
  constructor(
    code: WireCode,
    message: string,
    details: readonly string[] = [],
    options: ErrorOptions & { readonly leader?: string | undefined; readonly passes?: boolean } = {},
  ) {
    super(message, options);
    this.code = code;
    this.details = details;
    this.leader = options.leader ?? null;
    this.passes = options.passes ?? false;
  }

  /** Whether nobody answers: a coordinator that is there and cannot do it now says so, or what to do. */
  get isAway(): boolean {
    return this.code === 'unavailable' && this.details.length === 0 && !this.passes;
  }
}

/** @returns the refusal of something that a caller should not have sent. */
export const invalid = (message: string, details?: readonly string[]): WireError =>
  new WireError('invalid', message, details);

/** `-bin`: gRPC carries other text than printable ASCII only in binary metadata. */
const DETAILS = 'ridgepoint-details-bin';
const LEADER = 'ridgepoint-leader';
const PASSES = 'ridgepoint-passes';
/**
 * HTTP/2 peers refuse header blocks above some 16 KiB; a file with a thousand errors must still be answered.
 */
const DETAILS_BYTES = 6_000;
/** Characters of a message; whatever somebody made an error repeat, the answer stays one that can be sent. */
const SENTENCE = 1_000;

/** Server side: any thrown thing → what grpc-js sends. A FailureError keeps its sentence and its hint. */
export function toServiceError(error: unknown): Pick<ServiceError, 'code' | 'details' | 'metadata'> {
  const wire = toWire(error);
  const metadata = new Metadata();
  if (wire.details.length > 0) metadata.set(DETAILS, Buffer.from(packDetails(wire.details)));
  if (wire.leader !== null) metadata.set(LEADER, wire.leader);
  if (wire.passes) metadata.set(PASSES, '1');
  return { code: STATUS[wire.code], details: cut(wire.message), metadata };
}

/**
 * Half a character, which somebody sent or a cut left, is none: grpc-js cannot send it, and what it throws
 * would end the process. Control characters of a message that quotes somebody would reach a terminal.
 */
function cut(sentence: string): string {
  const short = sentence.length <= SENTENCE ? sentence : `${sentence.slice(0, SENTENCE)}…`;
  return short.replaceAll(/[\p{Surrogate}\p{Control}]/gu, '\ufffd');
}

function wireCodeOf(code: FailureCode): WireCode {
  // What ails the coordinator or its log is not the caller's error, and passes: the same call may be made
  // again later.
  if (code === 'disk-full' || code === 'internal') return 'unavailable';
  return code === 'too-large' ? 'too-large' : 'refused';
}

function toWire(error: unknown): WireError {
  if (error instanceof WireError) return error;
  const { code, message, hint } = toFailure(error);
  if (!(error instanceof FailureError)) return new WireError('internal', message);
  const { passes } = error;
  return new WireError(wireCodeOf(code), message, hint === null ? [] : [hint], { passes });
}

/** Client side: what grpc-js gives → WireError. */
export function fromServiceError(error: unknown): WireError {
  if (error instanceof WireError) return error;
  if (!isServiceError(error)) {
    return new WireError('internal', toFailure(error).message);
  }
  const leader = error.metadata?.get(LEADER)[0]?.toString();
  const code = CODES.find((one) => STATUS[one] === error.code) ?? 'internal';
  const passes = error.metadata?.get(PASSES)[0] !== undefined;
  return new WireError(code, error.details, unpackDetails(error), { cause: error, leader, passes });
}

function packDetails(details: readonly string[]): string {
  const shown: string[] = [];
  let bytes = 0;
  for (const [index, line] of details.entries()) {
    bytes += Buffer.byteLength(line);
    if (bytes > DETAILS_BYTES) {
      shown.push(`… and ${details.length - index} more`);
      break;
    }
    shown.push(line);
  }
  return JSON.stringify(shown);
}

function unpackDetails(error: ServiceError): string[] {
  const packed = error.metadata?.get(DETAILS)[0];
  if (packed === undefined) return [];
  try {
    const list: unknown = JSON.parse(packed.toString());
    return Array.isArray(list) ? list.map(String) : [];
  } catch {
    return [];
  }
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && 'details' in error && typeof error.code === 'number';
}
