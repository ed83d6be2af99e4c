// Arguments: a file, a library. Appends without end and prints each acknowledged position; the test kills it.
import { writeSync } from 'node:fs';
import { LIBRARIES } from '../../../coordinator/log/sqlite/database.js';
import { SqliteLog } from '../../../coordinator/log/sqlite.js';
import { recorded } from './log-facts.js';

const [path = '', name] = process.argv.slice(2);
const library = LIBRARIES.find((candidate) => candidate.name === name)?.find() ?? null;
const log = new SqliteLog(path, { library });
for (let end = 0; ; ) {
  const outcome = await log.append([recorded(`t${end}`)], end);
  end = outcome.position;
  writeSync(1, `${end}\n`);
}
