import type { Ground } from './ground.js';

/** How one attack ended: `holds` = it came to nothing. */
export interface Outcome {
  readonly holds: boolean;
  /** One line: what was seen. */
  readonly figure: string;
}

/** One defect that was found, as an attack that can be made again. */
export interface Check {
  readonly name: string;
  /** What must be true. */
  readonly claim: string;
  /** Seconds it may take; 120 unless told. */
  readonly seconds?: number;
  readonly run: (ground: Ground) => Promise<Outcome>;
}
