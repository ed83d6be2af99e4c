// Appends without end and prints each acknowledged position; the test kills it.
import { writeSync } from 'node:fs';
import { SqliteLog } from '../../../coordinator/log/sqlite.js';
import { recorded } from './log-facts.js';

const log = new SqliteLog(process.argv[2] ?? '');
for (let end = 0; ; ) {
  const outcome = await log.append([recorded(`t${end}`)], end);
  end = outcome.position;
  writeSync(1, `${end}\n`);
}
