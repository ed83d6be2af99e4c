import type { Channel } from './channel.js';

/**
 * A kind of work that a child process does: whatever opens an engine or other native code, or takes minutes.
 * Each stands in the folder whose work it is; `agent/jobs.ts` lists them.
 * @template Request what is to be done; travels by structured clone.
 * @template Answer what comes of it.
 * @template Report what the child sends on the way.
 */
export interface Job<Request, Answer, Report extends ChildMessage = never> {
  readonly name: string;
  /** For sentences: `the pruning`. */
  readonly what: string;
  /** Imports what does the work and does it; called in the child alone. */
  run(request: Request, channel: Channel<Report>): Promise<Answer>;
  /** The device whose GPU the child shall see, and no other; left out = all of them. */
  readonly deviceOf?: (request: Request) => string;
  /**
   * It ends what it started when its parent has gone, and the kernel gives it the time for that. Left out =
   * it is killed with its parent at once, even while native code blocks it.
   */
  readonly cleansUp?: true;
}

/** What a child sends on the way; `type` says what. */
export interface ChildMessage {
  readonly type: string;
}

/** How far work has come: tensors, operators, windows. */
export interface ProgressReport {
  readonly type: 'progress';
  readonly done: number;
  readonly of: number;
}

/** One piece of work: a job with what is asked of it. */
export interface Task<Answer, Report extends ChildMessage = never> {
  readonly name: string;
  readonly what: string;
  readonly request: unknown;
  /** Of the GPU that the child shall see; '' = all. */
  readonly deviceId: string;
  readonly cleansUp: boolean;
  /** Never there: keeps the types of what comes back. */
  readonly gives?: { readonly answer: Answer; readonly report: Report };
}

/** @returns the piece of work that `launch` starts a child for. */
export function taskOf<Request, Answer, Report extends ChildMessage = never>(
  job: Job<Request, Answer, Report>,
  request: Request,
): Task<Answer, Report> {
  return {
    name: job.name,
    what: job.what,
    request,
    deviceId: job.deviceOf?.(request) ?? '',
    cleansUp: job.cleansUp ?? false,
  };
}

/** @returns what reports progress over a channel. */
export function progressOver(channel: Channel<ProgressReport>): (done: number, of: number) => void {
  return (done, of) => channel.send({ type: 'progress', done, of });
}
