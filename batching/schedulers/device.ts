/** What an engine's defaults depend on. */
export interface SchedulerDevice {
  /** As its maker calls it. */
  readonly name: string;
  readonly memoryGiB: number;
  /** Left out = it is a GPU. */
  readonly isCpu?: boolean;
}
