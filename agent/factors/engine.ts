import { orElse } from '../../core/or-else.js';
import { findEngine } from '../../engines/native/packages.js';

/** @returns what factors call the engine of a release. */
export const engineOf = (release: string): string => `llama.cpp ${release}`;

/** @returns the engine whose kernels would be fitted now; null where it is not installed. */
export function fittedEngine(): string | null {
  return orElse(() => engineOf(findEngine().release), null);
}
