import type { ModelArchitecture } from '../architecture.js';
import type { WorkSetting } from './setting.js';

/** What the formulas of one layer need of a pass: the setting with what follows from it. */
export interface LayerPass extends WorkSetting {
  readonly embedding: number;
  readonly norm: ModelArchitecture['norm'];
  readonly vectorBits: number;
  readonly positions: ModelArchitecture['positions'];
  /** Keys and values are kept for tokens to come. */
  readonly keeps: boolean;
  readonly activationBytes: number;
  /** New tokens of all sequences. */
  readonly tokens: number;
  /** Tokens that go through this layer's feed-forward: fewer in a last layer that is trimmed. */
  readonly feedForwardTokens: number;
}
