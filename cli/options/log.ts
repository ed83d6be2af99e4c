import { Option } from 'commander';
import { LOG_FORMATS } from '../../core/log-text.js';

/** Of commands that serve and write a log to stderr. */
export function logFormatOption(): Option {
  return new Option(
    '--log-format <format>',
    'how the log is written to stderr (default: text on a terminal, JSON elsewhere)',
  ).choices(LOG_FORMATS);
}
