import type { WireCode } from './errors.js';

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
