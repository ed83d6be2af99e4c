import type { ResolvedConfig } from '../config.js';
import type { Log } from './log.js';
import { MemoryLog } from './memory.js';

/**
 * Opens the log that the configuration names; the libraries of the others stay unloaded.
 * @param make whether stream or tables are made where they are not there; a file always is.
 */
export async function openLog(config: ResolvedConfig['log'], make = true): Promise<Log> {
  switch (config.kind) {
    case 'memory':
      return new MemoryLog();
    case 'sqlite': {
      const { SqliteLog } = await import('./sqlite.js');
      return new SqliteLog(config.path, { maxBytes: config.maxBytes });
    }
    case 'jetstream': {
      const { JetStreamLog } = await import('./jetstream.js');
      return JetStreamLog.open({ ...config, make });
    }
    case 'postgres': {
      const { PostgresLog } = await import('./postgres.js');
      return PostgresLog.open({ ...config, make });
    }
  }
}
