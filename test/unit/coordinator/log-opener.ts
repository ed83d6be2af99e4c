// Opens a log of version 1 and stops, with a line, before the third transaction that moves entries; the test kills it.
import { writeSync } from 'node:fs';
import Database from 'better-sqlite3';
import { SqliteLog } from '../../../coordinator/log/sqlite.js';

const { transaction } = Database.prototype;
let moves = 0;
Database.prototype.transaction = function (this: Database.Database, task: () => unknown) {
  // The first transaction prepares the tables; the second is run again and again.
  return transaction.call(this, () => {
    moves += 1;
    if (moves === 4) {
      writeSync(1, 'stopped\n');
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    }
    return task();
  });
} as typeof transaction;
new SqliteLog(process.argv[2] ?? '');
