import { monotonicSeconds } from './clock.js';
import type { ChildMessage } from './job.js';
import type { ChildState, ParentMessage, StartMessage } from './messages.js';

/** The child's end of its channel to the parent. */
export interface Channel<Report extends ChildMessage> {
  /** Leaves at once: on Unix the pipe is written before this returns, as long as it has room. */
  send(report: Report): void;
  /** Tells the parent that nothing is being measured and waits until it has read its slow meters. */
  rest(): Promise<void>;
  /** Why the parent wants an end, or null. */
  stopReason(): string | null;
}

/** A parent that does not answer must not hold up the work. */
const REST_LIMIT_MILLISECONDS = 200;

/** Opens the channel; `onStart` gets the message that says what to do. */
export function openChannel(onStart: (message: StartMessage) => void): Channel<ChildMessage> {
  let reason: string | null = null;
  let resumed: (() => void) | null = null;
  process.on('message', (message: ParentMessage) => {
    if ('job' in message) return onStart(message);
    if ('stop' in message) reason = message.stop;
    resumed?.();
  });
  return {
    send(report) {
      process.send?.(report);
    },
    rest() {
      return new Promise((resolve) => {
        const timer = setTimeout(resolve, REST_LIMIT_MILLISECONDS);
        resumed = () => {
          clearTimeout(timer);
          resumed = null;
          resolve();
        };
        process.send?.({ type: 'resting', seconds: monotonicSeconds() } satisfies ChildState);
      });
    },
    stopReason: () => reason,
  };
}
