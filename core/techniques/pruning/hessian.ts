import { type FailureError, failed } from '../../errors.js';

/**
 * H = (2 / sequences) · Σ x xᵀ over all calibration tokens: the Hessian of a layer's squared output error,
 * which SparseGPT inverts (arXiv 2301.00774, eq. 2). Symmetric, row-major; only the upper triangle is read.
 */
export interface Hessian {
  readonly columns: number;
  readonly values: Float64Array;
}

/** The upper Cholesky factor U of H⁻¹ = Uᵀ U, row-major, and the channels that no token ever activated. */
export interface InverseFactor {
  readonly columns: number;
  readonly values: Float64Array;
  /** 1 where H_jj = 0. Weights on such channels do nothing. */
  readonly dead: Uint8Array;
}

/** @returns the error for a Hessian that has no Cholesky factor. */
export function notPositiveDefinite(channel: number): FailureError {
  return failed(
    'artifact-failed',
    `the Hessian of the layer is not positive definite at channel ${channel}`,
    'calibrate with more tokens, or raise the damping',
  );
}
