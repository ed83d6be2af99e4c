import type { Durability } from '../log.js';

/** Settings of a server that decide what it has acknowledged survives, as it says them. */
export interface Settings {
  readonly fsync: string;
  /** `synchronous_commit` of the log's own session. */
  readonly commit: string;
  /** `synchronous_standby_names`; empty = none. */
  readonly standbys: string;
}

/**
 * @returns what they mean for the log. Their documentation: PostgreSQL, "Write Ahead Log" and "Replication"
 *   of the server configuration.
 */
export function durabilityOf({ fsync, commit, standbys }: Settings): Durability {
  if (fsync !== 'on') {
    const sentence = `The server's fsync is ${fsync || 'unknown'}: a power cut may cost everything. Set it to on.`;
    return { level: 'delayed', sentence };
  }
  const there = standbys !== '' && commit !== 'local';
  const where = there
    ? `and of its synchronous standbys (${standbys})`
    : 'alone: the loss of that disk is the loss of the log';
  return {
    level: 'synced',
    sentence: `Each append is synced to the disk of the server ${where} (synchronous_commit is ${commit}).`,
  };
}
