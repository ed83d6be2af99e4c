/** What is being done, for progress. */
export interface QualityProgress {
  /** `text`, or the name of a task. */
  readonly what: string;
  readonly done: number;
  readonly total: number;
  /** The number so far: a perplexity, or a share of right answers. */
  readonly value: number | null;
}

export interface Watch {
  progress(progress: QualityProgress): void;
  /** Lets messages leave and a stop arrive. @throws FailureError `cancelled`. */
  checkStop(): Promise<void>;
}

const LOOK_MILLISECONDS = 200;

/**
 * For work that waits for somebody else: `stopped` rejects once a stop has arrived, until `end` is called.
 */
export function stoppedBy(watch: Watch): { readonly stopped: Promise<never>; end(): void } {
  let timer: NodeJS.Timeout | undefined;
  const stopped = new Promise<never>((_, reject) => {
    timer = setInterval(() => void watch.checkStop().catch(reject), LOOK_MILLISECONDS);
  });
  stopped.catch(() => {});
  return { stopped, end: () => clearInterval(timer) };
}
