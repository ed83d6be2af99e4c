import { orElse } from '../or-else.js';
import {
  choice,
  headOf,
  integer,
  joinWord,
  optionalText,
  type Reading,
  readSettings,
  rejected,
  type Settings,
  type SettingValues,
  writeWord,
} from './spelling.js';
import type { Technique } from './technique.js';

/** No adapter. */
export const NO_ADAPTER = 'none';
/** An adapter of random numbers, for what it costs to run one. */
const SYNTHETIC = 'synthetic:lora';
const MOST_PARTS = 64;

export interface AdapterPart {
  /** `builtin:NAME`, a GGUF file or a PEFT folder below a model folder, or `synthetic:lora?…`. */
  readonly source: string;
  /** What its output is multiplied by, on top of its own alpha. */
  readonly scale: number;
}

/** Low-rank adapters on top of the base's weights. */
export interface AdapterSpec {
  readonly parts: readonly AdapterPart[];
  /**
   * `attached`: computed beside the weights at run time. `merged`: added to them before they are pruned and
   * quantized.
   */
  readonly mode: 'attached' | 'merged';
}

const MODE = {
  mode: choice(
    ['attached', 'merged'],
    'attached',
    'Computed beside the weights at run time, or added to them before they are pruned and quantized.',
  ),
} as const;

const SYNTHETIC_SETTINGS = {
  rank: integer(1, 4096, 16, 'Rank of a synthetic adapter.'),
  targets: optionalText(
    'names of matrices such as attn_q,attn_v',
    /^[a-z][a-z0-9_]*(,[a-z][a-z0-9_]*)*$/,
    'Matrices a synthetic adapter has, by GGUF name; all linear ones when left out.',
  ),
  seed: integer(0, 2 ** 32 - 1, 1, 'Seed of a synthetic adapter; each further one has the next.'),
} as const;

/** @returns null for no adapter. */
export function readAdapter(spelling: string): Reading<AdapterSpec | null> {
  if (spelling === NO_ADAPTER) return { ok: true, value: null };
  const heads = headOf(spelling).split('+');
  if (heads.length > MOST_PARTS)
    return rejected(`adapter ${JSON.stringify(spelling)} has more than ${MOST_PARTS} parts`);
  const parts: AdapterPart[] = [];
  for (const head of heads) {
    const part = readPart(head);
    if (part === null) return rejected(`adapter must be ${adapter.form}, not ${JSON.stringify(spelling)}`);
    parts.push(part);
  }
  if (!parts.some(({ source }) => source === SYNTHETIC)) {
    const reading = readSettings(spelling, MODE);
    return reading.ok ? { ok: true, value: { parts, mode: reading.value.mode } } : reading;
  }
  const reading = readSettings(spelling, { ...MODE, ...SYNTHETIC_SETTINGS });
  if (!reading.ok) return reading;
  const { mode, ...synthetic } = reading.value;
  const named = parts.map((part, i) => ({ ...part, source: synthesized(part.source, synthetic, i) }));
  return { ok: true, value: { parts: named, mode } };
}

/** `path*0.5` → path and 0.5. */
function readPart(text: string): AdapterPart | null {
  const match = /^(.{1,1000}?)(?:\*(-?\d{1,6}(?:\.\d{1,9})?))?$/s.exec(text);
  if (!match?.[1] || match[1].includes('\0')) return null;
  const source = unescaped(match[1]);
  return source === null ? null : { source, scale: match[2] === undefined ? 1 : Number(match[2]) };
}

function unescaped(text: string): string | null {
  return orElse(() => decodeURIComponent(text), null);
}

function synthesized(
  source: string,
  values: SettingValues<typeof SYNTHETIC_SETTINGS>,
  index: number,
): string {
  if (source !== SYNTHETIC) return source;
  return writeWord(SYNTHETIC, { ...values, seed: values.seed + index }, SYNTHETIC_SETTINGS);
}

/** What a synthetic adapter is made of. */
export interface SyntheticAdapter {
  readonly rank: number;
  /** GGUF names of matrices such as `attn_q`; null = every linear one. */
  readonly targets: readonly string[] | null;
  readonly seed: number;
}

/** @returns what `synthetic:lora?…` asks for; null for a source that is no such word. */
export function readSyntheticAdapter(source: string): SyntheticAdapter | null {
  if (headOf(source) !== SYNTHETIC) return null;
  const reading = readSettings(source, SYNTHETIC_SETTINGS);
  if (!reading.ok) return null;
  const { rank, targets, seed } = reading.value;
  return { rank, targets: targets?.split(',') ?? null, seed };
}

/** @returns whether an adapter's numbers are random, so that nothing can be said of its quality. */
export function isSyntheticAdapter({ source }: AdapterPart): boolean {
  return headOf(source) === SYNTHETIC;
}

/** @returns the canonical word of a spelling. */
function rewritten<S extends Settings>(spelling: string, head: string, settings: S): Reading<string> {
  const values = readSettings(spelling, settings);
  return values.ok ? { ok: true, value: writeWord(head, values.value, settings) } : values;
}

export const adapter: Technique = {
  name: 'adapter',
  fallback: NO_ADAPTER,
  help: 'Low-rank adapters: GGUF files, PEFT folders, `builtin:` names or `synthetic:lora`, several joined with `+`, each with its scale after `*`; `none` runs the base alone.',
  examples: [NO_ADAPTER, 'builtin:small-pgdoc-r4', `${SYNTHETIC}?rank=16`],
  form: 'none, or sources such as adapters/r4.gguf*0.5+adapters/r8.gguf?mode=merged',
  keys: {
    source: 'A GGUF file, a PEFT folder, `builtin:NAME` or `synthetic:lora`; several joined with `+`.',
    scale: 'What the output of each is multiplied by.',
    mode: MODE.mode.help,
    rank: SYNTHETIC_SETTINGS.rank.help,
    targets: SYNTHETIC_SETTINGS.targets.help,
    seed: SYNTHETIC_SETTINGS.seed.help,
  },
  read(spelling) {
    const reading = readAdapter(spelling);
    if (!reading.ok) return reading;
    if (reading.value === null) return { ok: true, value: NO_ADAPTER };
    const synthetic = reading.value.parts.some(isSyntheticAdapter);
    const head = headOf(spelling)
      .split('+')
      .map((part) => part.replace(/\*1(\.0*)?$/, ''))
      .join('+');
    return synthetic
      ? rewritten(spelling, head, { ...MODE, ...SYNTHETIC_SETTINGS })
      : rewritten(spelling, head, MODE);
  },
  spell({ source, scale, ...settings }) {
    const factor = scale === undefined || Number(scale) === 1 ? '' : `*${String(scale)}`;
    const head = String(source)
      .split('+')
      .map((part) => `${part}${factor}`)
      .join('+');
    return joinWord(head, Object.entries(settings));
  },
};
