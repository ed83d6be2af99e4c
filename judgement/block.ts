import type { ResultRecord } from '../core/result/result.js';

/**
 * @returns a key of the records that were measured between the same two runs of the drift control: one device
 *   of one node, one block of one sweep.
 */
export function blockOf({ node, device, sweep }: ResultRecord): string {
  return JSON.stringify([sweep.id, node.name, device.id, sweep.block]);
}
