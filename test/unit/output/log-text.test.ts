import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { loadAgentConfig } from '../../../agent/config.js';
import { fromEnvironment, resolveConfig } from '../../../coordinator/config.js';
import { isText, textLog } from '../../../core/log-text.js';

describe('a log for people', () => {
  function written(work: (log: ReturnType<typeof pino>) => void): string[] {
    let text = '';
    const stream = {
      write: (more: string) => {
        text += more;
      },
    };
    work(pino({ name: 'agent', level: 'debug' }, textLog(stream)));
    return text.split('\n').slice(0, -1);
  }

  test('is a line of time, level, sentence and fields', () => {
    const [ended, warned] = written((log) => {
      log.info({ trial: 'a1', status: 'failed', failure: 'it was killed', code: 137 }, 'trial ended');
      log.warn('the spool is full');
    });
    expect(ended).toMatch(
      /^\d\d:\d\d:\d\d info {2}trial ended {2}trial=a1 status=failed failure="it was killed" code=137$/,
    );
    expect(warned).toMatch(/^\d\d:\d\d:\d\d warn {2}the spool is full$/);
  });

  test('steers no terminal, whatever a name in it is', () => {
    const [line, ...others] = written((log) =>
      log.error({ node: 'a\n\u001b[2Jb' }, 'node \u001b[31mx\nleft'),
    );
    expect(others).toEqual([]);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    expect(line).not.toMatch(/[\u0000-\u001f]/);
    expect(line).toContain('left');
  });

  test('is written to a terminal, and elsewhere where it is asked for', () => {
    expect(isText('auto', { isTTY: true })).toBe(true);
    expect(isText('auto', {})).toBe(false);
    expect(isText('json', { isTTY: true })).toBe(false);
    expect(isText('text', {})).toBe(true);
    expect(loadAgentConfig({ env: {} }).logFormat).toBe('auto');
    expect(loadAgentConfig({ env: { RIDGE_LOG_FORMAT: 'json' } }).logFormat).toBe('json');
    expect(resolveConfig(fromEnvironment({ RIDGE_LOG_FORMAT: 'text' })).logFormat).toBe('text');
    expect(() => loadAgentConfig({ env: { RIDGE_LOG_FORMAT: 'xml' } })).toThrow(/logFormat/);
    expect(() => resolveConfig(fromEnvironment({ RIDGE_LOG_FORMAT: 'xml' }))).toThrow(/logFormat/);
  });
});
