import type { OperatorCall } from '../../core/work/operator-call.js';
import { ATTENTION } from './attention/family.js';
import { COLLECTIVE } from './collective/family.js';
import { EXPERTS } from './experts/family.js';
import type { Family } from './family.js';
import { HEAD_PRODUCT } from './head-product/family.js';
import { LATENT } from './latent/family.js';
import { LATENT_LAYER } from './latent-layer/family.js';
import { LINEAR_ATTENTION } from './linear-attention/family.js';
import { PRODUCT } from './product/family.js';
import { QUANTIZE } from './quantize/family.js';
import { STREAM } from './stream/family.js';

type CallOf<Name extends OperatorCall['family']> = Extract<OperatorCall, { readonly family: Name }>;

const BY_NAME: { readonly [Name in OperatorCall['family']]: Family<CallOf<Name>> } = {
  product: PRODUCT,
  attention: ATTENTION,
  experts: EXPERTS,
  collective: COLLECTIVE,
  quantize: QUANTIZE,
  stream: STREAM,
  latent: LATENT,
  'head-product': HEAD_PRODUCT,
  'latent-layer': LATENT_LAYER,
  'linear-attention': LINEAR_ATTENTION,
};

/** @returns the family, for calls of its name alone. */
export function familyNamed(name: OperatorCall['family']): Family {
  return BY_NAME[name] as unknown as Family;
}

export const FAMILIES: readonly Family[] = Object.values(BY_NAME) as unknown as readonly Family[];
