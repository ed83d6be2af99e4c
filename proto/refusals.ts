import { type WireCode, WireError } from './errors.js';

/**
 * Somebody was not let in, or wanted what they may not. Holds no secret: messages name tokens by whom they
 * are for.
 */
export interface Refusal {
  /** Name of the credential, where one was known; null = nobody that is known. */
  readonly who: string | null;
  /** Address of the connection. */
  readonly from: string;
  /** `tls`: the handshake failed. */
  readonly code: WireCode | 'tls';
  readonly message: string;
  /** Method or route. */
  readonly where: string;
}

/** Hears of every refusal; must not throw. */
export type OnRefused = (refusal: Refusal) => void;

const REFUSALS: ReadonlySet<string> = new Set(['unauthenticated', 'forbidden', 'too-often']);

/** @returns whether an error is about who asks, and not about what they ask. */
export function isRefusal(error: unknown): error is WireError {
  return error instanceof WireError && REFUSALS.has(error.code);
}
