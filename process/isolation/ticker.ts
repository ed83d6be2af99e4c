import { monotonicSeconds } from './clock.js';

interface Tick {
  readonly periodSeconds: number;
  readonly act: () => void;
  dueSeconds: number;
}

const beats = new Set<Tick>();
let timer: NodeJS.Timeout | null = null;
let timerDueSeconds = Infinity;

/** Timers fire up to a millisecond early or late. One wake-up does everything that is due by then. */
const SLACK_SECONDS = 0.002;

/**
 * Calls `act` at every multiple of the period on the monotonic clock, until the returned function is called.
 *
 * All beats of the process share their wake-ups. Waking up costs a node that measures many times what reading
 * a sensor does: eight trials that each kept their own time would wake it up eighty times a second. A beat
 * that comes too late is done once, however many it missed.
 */
export function everyTick(periodSeconds: number, act: () => void): () => void {
  const beat: Tick = { periodSeconds, act, dueSeconds: nextMultiple(monotonicSeconds(), periodSeconds) };
  beats.add(beat);
  if (beat.dueSeconds < timerDueSeconds) arm();
  return () => {
    beats.delete(beat);
    if (beats.size === 0) arm();
  };
}

function nextMultiple(now: number, periodSeconds: number): number {
  return (Math.floor((now + SLACK_SECONDS) / periodSeconds) + 1) * periodSeconds;
}

/** Sets the one timer to the beat that is due first. */
function arm(): void {
  if (timer !== null) clearTimeout(timer);
  timer = null;
  timerDueSeconds = Infinity;
  for (const { dueSeconds } of beats) timerDueSeconds = Math.min(timerDueSeconds, dueSeconds);
  if (timerDueSeconds === Infinity) return;
  const milliseconds = Math.min(2 ** 31 - 1, Math.max(0, (timerDueSeconds - monotonicSeconds()) * 1000));
  timer = setTimeout(wake, milliseconds);
}

function wake(): void {
  const now = monotonicSeconds();
  try {
    for (const beat of [...beats]) {
      if (beat.dueSeconds > now + SLACK_SECONDS || !beats.has(beat)) continue;
      beat.dueSeconds = nextMultiple(now, beat.periodSeconds);
      beat.act();
    }
  } finally {
    arm();
  }
}
