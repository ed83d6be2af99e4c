import { AIPERF } from './aiperf.js';
import { EFFICIENTLLM } from './efficientllm.js';
import { INFERENCEX } from './inferencex.js';
import type { Vocabulary } from './word.js';
import { ZEUS } from './zeus.js';

/** Vocabularies of other tools by the format they are exported in. A new one is a file and a line here. */
export const VOCABULARIES = {
  'aiperf-json': AIPERF,
  'inferencex-json': INFERENCEX,
  'zeus-json': ZEUS,
  'efficientllm-json': EFFICIENTLLM,
} as const satisfies Record<string, Vocabulary>;

export type VocabularyFormat = keyof typeof VOCABULARIES;

/** @returns each format with its words and what they mean, for `--help`. */
export function vocabulariesHelp(): string {
  const parts = Object.entries(VOCABULARIES).map(([format, { tool, about, words }]: [string, Vocabulary]) => {
    const lines = words.map(
      ({ name, unit, meaning }) => `  ${name}${unit === '' ? '' : ` (${unit})`}: ${meaning}`,
    );
    return [`${tool}'s words, --format ${format}. ${about}`, ...lines].join('\n');
  });
  return `\n${parts.join('\n\n')}\n`;
}
