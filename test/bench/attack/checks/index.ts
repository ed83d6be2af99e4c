import type { Check } from '../check.js';
import { answersChecks } from './answers.js';
import { callerChecks } from './callers.js';
import { fileChecks } from './file.js';
import { forgeryChecks } from './forgery.js';
import { jetstreamChecks } from './jetstream.js';
import { largeChecks } from './large.js';
import { memoryChecks } from './memory.js';
import { openedChecks } from './opened.js';
import { serviceChecks } from './service.js';
import { webChecks } from './web.js';
import { yamlChecks } from './yaml.js';

/** Every attack, in the order of the groups they were found in. */
export const checks: readonly Check[] = [
  ...webChecks,
  ...jetstreamChecks,
  ...largeChecks,
  ...memoryChecks,
  ...forgeryChecks,
  ...yamlChecks,
  ...serviceChecks,
  ...openedChecks,
  ...answersChecks,
  ...fileChecks,
  ...callerChecks,
];
