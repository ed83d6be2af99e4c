/** Something that keeps experiments of a plan from running, or may. */
export interface PlanWarning {
  /** `does-not-fit`, `no-place`, or the code of the failure that a trial would have. */
  readonly code: string;
  /** One sentence: what is wrong, and where. */
  readonly message: string;
  /** Of the experiments that were looked at. */
  readonly experiments: number;
  /** They cannot run whatever is done elsewhere; false where only something is not here. */
  readonly blocks: boolean;
}
