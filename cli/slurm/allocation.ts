/** What Slurm has given a task, as its environment says it. */
export interface Allocation {
  /** What `scontrol requeue` takes. */
  readonly jobId: string;
  /** The same in every life of the task, so that a requeued one delivers what it had left. */
  readonly node: string;
  /** Of the tasks of its array; a job without an array is its own first. */
  readonly first: boolean;
  /** CPUs of the allocation on this machine; null = Slurm does not say. */
  readonly cpus: number | null;
}

/** @returns null outside an allocation. */
export function allocationOf(env: Readonly<Record<string, string | undefined>>): Allocation | null {
  const { SLURM_JOB_ID: jobId, SLURM_ARRAY_JOB_ID: array, SLURM_ARRAY_TASK_ID: task } = env;
  if (!jobId) return null;
  const cpus = Number(env.SLURM_CPUS_ON_NODE);
  return {
    jobId,
    node: array && task ? `slurm-${array}-${task}` : `slurm-${jobId}`,
    first: task === undefined || task === (env.SLURM_ARRAY_TASK_MIN ?? '0'),
    cpus: Number.isInteger(cpus) && cpus > 0 ? cpus : null,
  };
}

/**
 * @param text `2-03:04:05`, `03:04:05` or `04:05`, as squeue writes times.
 * @returns seconds; null = no limit, or none that is known.
 */
export function secondsOf(text: string): number | null {
  const match = /^(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)$/.exec(text.trim());
  if (match === null) return null;
  const [days, hours, minutes, seconds] = match.slice(1).map((part) => Number(part ?? 0));
  return ((days! * 24 + hours!) * 60 + minutes!) * 60 + seconds!;
}

/** Slurm looks at its time limits once in so long, and sends its signal so much earlier. */
const RESOLUTION_SECONDS = 60;
/** For giving back and reporting, at the end. */
const LAST_SECONDS = 30;

/**
 * What a task that is told to end does: finishes what it runs for so long, then gives back what is not
 * finished.
 */
export interface LeavingTime {
  readonly finishSeconds: number;
  /** It ends because its time is over, and not because somebody wants the node back or cancelled it. */
  readonly atLimit: boolean;
}

/**
 * @param leftSeconds until the time limit; null = none is known.
 * @param warnedSeconds how long before the limit Slurm was asked to tell.
 * @returns nothing to finish where the signal has another reason: Slurm kills what is there half a minute
 *   later, and it has sent the signal to trials, too.
 */
export function leavingTime(leftSeconds: number | null, warnedSeconds: number): LeavingTime {
  if (leftSeconds === null || leftSeconds > warnedSeconds + RESOLUTION_SECONDS) {
    return { finishSeconds: 0, atLimit: false };
  }
  // A limit that was raised since lies behind: the signal comes as long before the new one.
  const left = leftSeconds > 0 ? leftSeconds : warnedSeconds;
  return { finishSeconds: Math.max(0, left - Math.min(LAST_SECONDS, warnedSeconds / 2)), atLimit: true };
}
