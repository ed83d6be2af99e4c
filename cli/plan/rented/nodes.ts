import { hardwareNamed, requireHardware } from '../../../roofline/hardware/catalogue.js';
import type { Hardware } from '../../../roofline/hardware/figure.js';
import { SHIPPED } from '../../../roofline/operators/shipped/index.js';
import { asWords, usageError } from '../../exit.js';

/** A node that may be rented: so many equal GPUs. */
export interface RentedNode {
  readonly device: Hardware;
  readonly count: number;
}

const WORD = /^(?:(\d{1,3})x)?(.+)$/;

/** @throws CommandError (2) for a word that names no GPU. */
export function rentedNodes(list: string): RentedNode[] {
  return list.split(',').map((written) => {
    const [, count = '1', name = ''] = WORD.exec(written.trim()) ?? [];
    if (name === '' || Number(count) === 0)
      throw usageError(
        `--hardware ${JSON.stringify(list)} names no devices`,
        'Write such as h100, or h100,2xh200.',
      );
    const device = hardwareNamed(name) ?? asWords(() => requireHardware(name));
    if (device.kind !== 'gpu')
      throw usageError(
        `${device.name} is no GPU, and servers are predicted on GPUs alone`,
        `Name one of ${SHIPPED.map((one) => one.device).join(', ')}, or leave --hardware out for this machine.`,
      );
    return { device, count: Number(count) };
  });
}

/** `h100`, `2xh200`: as it is written. */
export const nodeWord = ({ device, count }: RentedNode) => `${count === 1 ? '' : `${count}x`}${device.id}`;

/** `2 × NVIDIA H200 SXM 141GB`. */
export const nodeText = ({ device, count }: RentedNode) => `${count} × ${device.name}`;
