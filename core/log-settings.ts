import { z } from 'zod';
import { LOG_FORMATS } from './log-text.js';

/** How every process that serves is told to write its log. */
export const LOG_SETTINGS = {
  logLevel: z
    .enum(['silent', 'error', 'warn', 'info', 'debug'])
    .default('info')
    .describe('The least severe messages that are written to stderr.'),
  logFormat: z
    .enum(LOG_FORMATS)
    .default('auto')
    .describe('`auto` writes text where stderr is a terminal, and JSON elsewhere.'),
} as const;
