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
  breathe(): Promise<void>;
}
