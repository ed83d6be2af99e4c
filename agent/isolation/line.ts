import type { ParentMessage, WorkerMessage, WorkerOrder } from './messages.js';

/** The child's end of the line to its parent. */
export interface Line {
  /** Leaves at once: on Unix the pipe is written before this returns, as long as it has room. */
  send(message: WorkerMessage): void;
  /** Tells the parent that nothing is being measured and waits until it has read its slow meters. */
  rest(): Promise<void>;
  /** Why the parent wants an end, or null. */
  stopReason(): string | null;
}

/** A parent that does not answer must not hold up the work. */
const REST_LIMIT_MILLISECONDS = 200;

/** Monotonic seconds: CLOCK_MONOTONIC, the same clock in parent and child. */
export function monotonicSeconds(): number {
  return Number(process.hrtime.bigint()) / 1e9;
}

/** Rounds to whole nanoseconds: what the clock gives is no finer, and records stay readable. */
export function wholeNanoseconds(seconds: number): number {
  return Math.round(seconds * 1e9) / 1e9;
}

/** Opens the line; `onOrder` gets the messages that are orders. */
export function openLine(onOrder: (order: WorkerOrder) => void): Line {
  let reason: string | null = null;
  let resumed: (() => void) | null = null;
  process.on('message', (message: ParentMessage) => {
    if ('order' in message) {
      onOrder(message);
      return;
    }
    if ('stop' in message) reason = message.stop;
    resumed?.();
  });
  return {
    send(message) {
      process.send?.(message);
    },
    rest() {
      return new Promise((resolve) => {
        const timer = setTimeout(resolve, REST_LIMIT_MILLISECONDS);
        resumed = () => {
          clearTimeout(timer);
          resumed = null;
          resolve();
        };
        process.send?.({ type: 'resting', seconds: monotonicSeconds() } satisfies WorkerMessage);
      });
    },
    stopReason: () => reason,
  };
}
