/**
 * A trial id says what it is a trial of. So a coordinator that was restarted takes up the trials that its
 * agents still run without having written each lease to the log (durable facts are few).
 */
export interface TrialName {
  readonly sweepId: string;
  readonly position: number;
  readonly block: number;
  readonly purpose: 'measure' | 'control';
  readonly attempt: number;
}

/** @returns `t.<sweep>.<position>.<m|c><block>.<attempt>.<unique>`; safe as a file name. */
export function trialId(name: TrialName, unique: string): string {
  const purpose = name.purpose === 'control' ? 'c' : 'm';
  return `t.${name.sweepId}.${name.position}.${purpose}${name.block}.${name.attempt}.${unique}`;
}

/** @returns what the id says, or null for an id that no coordinator of ours made. */
export function readTrialId(id: string): TrialName | null {
  const match = /^t\.([^.]+)\.(\d+)\.([mc])(\d+)\.(\d+)\.[^.]+$/.exec(id);
  if (match === null) return null;
  return {
    sweepId: match[1] ?? '',
    position: Number(match[2]),
    purpose: match[3] === 'c' ? 'control' : 'measure',
    block: Number(match[4]),
    attempt: Number(match[5]),
  };
}
