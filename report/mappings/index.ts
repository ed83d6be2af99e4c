import { AIPERF } from './aiperf.js';
import type { ExportMapping } from './mapping.js';
import { VLLM } from './vllm.js';

/** Vocabularies of other tools by the format they are exported in. A new one is a file and a line here. */
export const EXPORT_MAPPINGS = {
  'aiperf-json': AIPERF,
  'vllm-json': VLLM,
} as const satisfies Record<string, ExportMapping>;

export type MappedFormat = keyof typeof EXPORT_MAPPINGS;

/** @returns each format with its words and what they mean, for `--help`. */
export function mappingsHelp(): string {
  const parts = Object.entries(EXPORT_MAPPINGS).map(
    ([format, { tool, about, fields }]: [string, ExportMapping]) => {
      const lines = fields.map(
        ({ name, unit, meaning }) => `  ${name}${unit === '' ? '' : ` (${unit})`}: ${meaning}`,
      );
      return [`${tool}'s field names, --format ${format}. ${about}`, ...lines].join('\n');
    },
  );
  return `\n${parts.join('\n\n')}\n`;
}
