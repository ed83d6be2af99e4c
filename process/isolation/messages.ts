import type { Failure } from '../../core/errors.js';

/** Parent → child: what to do. One per child. */
export interface StartMessage {
  readonly job: string;
  readonly request: unknown;
}

/** Parent → child while it works: end soon, for this reason. */
export interface StopMessage {
  readonly stop: string;
}

/** Parent → child: the meters have read what they wanted while the child rested; go on. */
export interface ResumeMessage {
  readonly resume: true;
}

export type ParentMessage = StartMessage | StopMessage | ResumeMessage;

/**
 * Child → parent, whatever its job: where it runs, and that nothing is being measured. Times are monotonic
 * seconds.
 */
export type ChildState =
  | { readonly type: 'ready'; readonly affinity: readonly number[] | null }
  | { readonly type: 'resting'; readonly seconds: number };

/** Child → parent, last: one of both. */
export type LastMessage<Answer = unknown> =
  | { readonly type: 'answer'; readonly answer: Answer }
  | { readonly type: 'failed'; readonly failure: Failure };
