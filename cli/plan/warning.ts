/** Something that keeps experiments of a plan from running, or may, or speaks against what they measure. */
export interface PlanWarning {
  /**
   * `does-not-fit`, `no-place`, `no-energy`, or the code of the failure or the warning that a trial would
   * have.
   */
  readonly code: string;
  /** One sentence: what is wrong, and where. */
  readonly message: string;
  /** Of the experiments that were looked at. */
  readonly experiments: number;
  /** They cannot run, whatever is done elsewhere. */
  readonly blocks: boolean;
  /**
   * Something is missing here that a node may have. With neither they run, and something of them is not as
   * wished.
   */
  readonly notHere: boolean;
}
