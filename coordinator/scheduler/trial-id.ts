import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import type { Purpose } from '../../core/experiment/lease.js';
import { getOrMake } from '../../core/maps.js';

/**
 * A trial id says what it is a trial of, and proves to whom it was leased. So a coordinator that was
 * restarted takes up the trials that its agents still run, and takes in what they kept meanwhile, without
 * having written each lease to the log (durable facts are few).
 */
export interface TrialName {
  readonly sweepId: string;
  readonly position: number;
  readonly block: number;
  readonly purpose: Purpose;
  readonly attempt: number;
  /** Which start of its point, 1-based; left out for trials that are no starts. */
  readonly start?: number;
}

/** Whom a trial was leased to, and for what. */
export interface LeaseHolder {
  readonly node: string;
  readonly deviceId: string;
  readonly experimentId: string;
}

const LETTERS = { measure: 'm', control: 'c', probe: 'p', quality: 'q' } as const satisfies Record<
  Purpose,
  string
>;
const PURPOSES = { m: 'measure', c: 'control', p: 'probe', q: 'quality' } as const;

/** Of the signature that ends an id: 96 bits. */
const SIGNATURE_DIGITS = 24;
const SIGNED = /^(t\..+)-([0-9a-f]{24})$/;
const NAMED = /^t\.([^.]+)\.(\d{1,16})\.([mcpq])(\d{1,16})\.(\d{1,16})(?:s(\d{1,16}))?\../;

/**
 * @param unique keeps the ids of one coordinator apart; letters, digits and dashes.
 * @param key the log's secret.
 * @returns `t.<sweep>.<position>.<m|c|p|q><block>.<attempt>s<start>.<unique>-<signature>`; safe as a file
 *   name.
 */
export function trialId(name: TrialName, unique: string, holder: LeaseHolder, key: string): string {
  const purpose = LETTERS[name.purpose];
  const start = name.start === undefined ? '' : `s${name.start}`;
  const about = `t.${name.sweepId}.${name.position}.${purpose}${name.block}.${name.attempt}${start}.${unique}`;
  return `${about}-${sign(about, holder, key)}`;
}

/**
 * @returns what the id says, or null for an id that no coordinator of ours made. It proves nothing: see
 *   `provesLease`.
 */
export function readTrialId(id: string): TrialName | null {
  const match = NAMED.exec(id);
  if (match === null) return null;
  const name: TrialName = {
    sweepId: match[1]!,
    position: Number(match[2]),
    purpose: PURPOSES[match[3] as keyof typeof PURPOSES],
    block: Number(match[4]),
    attempt: Number(match[5]),
    ...(match[6] !== undefined && { start: Number(match[6]) }),
  };
  const whole = [name.position, name.block, name.attempt, name.start ?? 1].every(Number.isSafeInteger);
  return whole ? name : null;
}

/** @returns whether a coordinator of this log leased that trial to this holder. */
export function provesLease(id: string, holder: LeaseHolder, key: string): boolean {
  const match = SIGNED.exec(id);
  if (match === null) return false;
  return timingSafeEqual(Buffer.from(sign(match[1]!, holder, key)), Buffer.from(match[2]!));
}

function sign(about: string, { node, deviceId, experimentId }: LeaseHolder, key: string): string {
  // As JSON, so that no two leases give the same text.
  const text = JSON.stringify([about, node, deviceId, experimentId]);
  return createHmac('sha256', keyOf(key)).update(text).digest('hex').slice(0, SIGNATURE_DIGITS);
}

/**
 * Keys as the library wants them, which takes as long to make as a signature: a process knows those of the
 * logs that it has open.
 */
const keys = new Map<string, KeyObject>();

function keyOf(key: string): KeyObject {
  return getOrMake(keys, key, () => createSecretKey(key, 'utf8'));
}
