import { setTimeout as sleep } from 'node:timers/promises';
import { quote } from '../../core/quote.js';
import { WireError } from '../../proto/errors.js';
import type {
  ReadLogRequest,
  ReadLogResponse,
  VerifyLogResponse,
} from '../../proto/gen/ridgepoint/v1/control.js';
import type { Audit } from '../audit.js';
import { findBreaks } from '../bodies/findings.js';
import type { KeptBodies } from '../bodies/open.js';
import { inTurns } from '../log/in-turns.js';
import type { Log, LogEntry } from '../log/log.js';
import type { Asker } from './control.js';

export interface LogApi {
  /** As it is stored: a result refers to raw samples that are kept beside it. */
  readonly storedLog: Log;
  readonly bodies: KeptBodies | null;
  readonly audit: Audit;
}

/** Facts of a message, about; a larger one has a message of its own. */
const TOGETHER_CHARACTERS = 256 * 1024;
/** Whoever waits for a check is told how far it is. */
const TOLD_MILLISECONDS = 1000;

/** The log holds every namespace. @throws WireError `forbidden` */
function readsLog({ who }: Asker): void {
  if (who.namespaces === null) return;
  throw new WireError(
    'forbidden',
    `${quote(who.name)} is for some namespaces, and the log holds all: it takes the scope "admin" for every one.`,
  );
}

/** Every entry after one, up to the end as it was when reading began. @throws WireError `internal` */
export async function* readLog(
  { storedLog, audit }: LogApi,
  { after, until }: ReadLogRequest,
  by: Asker,
  signal: AbortSignal,
): AsyncGenerator<ReadLogResponse> {
  readsLog(by);
  const end = until === 0 ? await storedLog.end() : until;
  audit.did('read-log', by, { after, until: end });
  yield { factsJson: [], position: after, end };
  let factsJson: string[] = [];
  let [position, characters] = [after, 0];
  for await (const entry of inTurns(storedLog, signal).read(after, 'full')) {
    if (entry.position > end) break;
    const json = factJson(entry);
    factsJson.push(json);
    position = entry.position;
    characters += json.length;
    if (characters < TOGETHER_CHARACTERS) continue;
    yield { factsJson, position, end };
    [factsJson, characters] = [[], 0];
  }
  if (factsJson.length > 0) yield { factsJson, position, end };
}

function factJson(entry: LogEntry): string {
  const { position, head, recordJson } = entry;
  if (head.fact === 'Damaged')
    throw new WireError('internal', `Entry ${position} of the log is damaged: ${head.reason}.`, [
      '`ridge log verify` says what else is wrong with it.',
    ]);
  return recordJson === null
    ? JSON.stringify(entry.fact)
    : `{"fact":"ResultRecorded","record":${recordJson}}`;
}

/** Says how far it is, and at the end what is wrong. */
export async function* verifyLog(
  { storedLog, bodies, audit }: LogApi,
  by: Asker,
  signal: AbortSignal,
): AsyncGenerator<VerifyLogResponse> {
  readsLog(by);
  audit.did('verify-log', by, {});
  let entries = 0;
  const checking = findBreaks(inTurns(storedLog, signal), bodies?.store ?? null, (read) => {
    entries = read;
  });
  checking.catch(() => undefined);
  while (true) {
    const findings = await Promise.race([checking, sleep(TOLD_MILLISECONDS, null)]);
    if (findings !== null) {
      yield { entries, findingsJson: JSON.stringify(findings) };
      return;
    }
    yield { entries, findingsJson: '' };
  }
}
