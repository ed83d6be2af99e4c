/**
 * Tokenizers of published folders, written into GGUF files, cut text as transformers does: the ids of 10,000
 * strings in forty scripts, with mixes of spaces, digits, emoji, code and contractions, are compared between
 * transformers and llama.cpp.
 *
 * RIDGEPOINT_TOKENIZERS names a folder of folders with tokenizer.json or tokenizer.model, each as published;
 * RIDGEPOINT_PYTHON an interpreter with transformers. `--strings=N` takes fewer, `--only=NAME` one folder.
 *
 * A difference is explained where the text is one that llama.cpp cannot cut alike, by its own design; each is
 * counted by its reason. What is not explained fails the bench.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openGgufTokenizer } from '../../engines/runners/llama-cpp/tokenizer.js';
import type { GgufValue } from '../../formats/gguf/value.js';
import { writeGguf } from '../../formats/gguf/writer.js';
import { ggufTokenizer } from '../../formats/tokenizers/gguf-tokenizer.js';
import { conclude, type Figure } from './figure.js';
import { type Sample, SCRIPT_COUNT, samples } from './tokenizers/strings.js';

interface Reference {
  readonly class: string;
  readonly begins: readonly number[];
  /** Of transformers. */
  readonly ids: readonly (readonly number[])[];
  /** By the file's own rules. */
  readonly own: readonly (readonly number[])[];
  /** By the file's rules, without what llama.cpp does not do. */
  readonly altered: readonly (readonly number[])[];
}

/**
 * Rules of llama.cpp that only nearly are those of the files that it gives a name (src/llama-vocab.cpp of its
 * repository): what is a capital or a small letter it knows of ASCII alone, and marks do not belong to words.
 */
const NEARLY: Readonly<Record<string, string>> = Object.fromEntries(
  (
    [
      ['gpt-4o', "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])?", '\\p{N}{1,3}'],
      ['tekken', '', '\\p{N}'],
    ] as const
  ).map(([name, end, digits]) => [
    name,
    String.raw`[^\r\n\p{L}\p{N}]?((?=[\p{L}])([^a-z]))*((?=[\p{L}])([^A-Z]))+${end}|[^\r\n\p{L}\p{N}]?((?=[\p{L}])([^a-z]))+((?=[\p{L}])([^A-Z]))*${end}|${digits}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
  ]),
);

const option = (name: string) =>
  process.argv.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3) ?? null;
const published = process.env.RIDGEPOINT_TOKENIZERS;
const python = process.env.RIDGEPOINT_PYTHON;
if (published === undefined || python === undefined) {
  console.error(
    'Set RIDGEPOINT_TOKENIZERS to a folder of tokenizers, RIDGEPOINT_PYTHON to a Python with transformers.',
  );
  process.exit(2);
}
const only = option('only');
const count = Number(option('strings') ?? 10_000);
const shown = Number(option('show') ?? 3);
const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-tokenizers-'));
const strings = samples(count, 1);
const stringsFile = join(folder, 'strings.json');
writeFileSync(stringsFile, JSON.stringify(strings.map(({ text }) => text)));

const figures: Figure[] = [];
for (const name of readdirSync(published).sort()) {
  const source = join(published, name);
  if (!statSync(source).isDirectory() || (only !== null && name !== only)) continue;
  figures.push(await compared(name, source));
}
conclude('tokenizers', figures);
rmSync(folder, { recursive: true, force: true });

async function compared(name: string, source: string): Promise<Figure> {
  const { metadata, warnings } = ggufTokenizer(source);
  const file = join(folder, `${name}.gguf`);
  await writeGguf(file, {
    metadata: new Map<string, GgufValue>([
      ['general.architecture', { type: 'string', value: 'llama' }],
      ...metadata,
    ]),
    tensors: [],
  });
  const out = join(folder, `${name}.json`);
  const regex = NEARLY[textIn(metadata, 'pre') ?? ''];
  const script = join(import.meta.dirname, 'tokenizers/reference.py');
  const words = [script, source, stringsFile, out, ...(regex === undefined ? [] : [regex])];
  execFileSync(python!, words, {
    stdio: ['ignore', 'inherit', 'ignore'],
  });
  const reference = JSON.parse(readFileSync(out, 'utf8')) as Reference;
  const tokenizer = (await openGgufTokenizer(file))!;
  const reasons = new Map<string, number>();
  const kinds = new Map<string, number>();
  let unexplained = 0;
  for (const [i, sample] of strings.entries()) {
    const own = [...tokenizer.tokenize(sample.text)];
    const theirs = reference.ids[i]!;
    if (own.join() === theirs.join()) continue;
    const reason = reasonOf(sample, i, own, reference, metadata);
    if (reason !== null) {
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
      continue;
    }
    unexplained += 1;
    kinds.set(sample.kind, (kinds.get(sample.kind) ?? 0) + 1);
    if (unexplained <= shown)
      console.log(
        `  ${name}: ${JSON.stringify(sample.text)}\n    llama.cpp ${own}\n    transformers ${theirs}\n    the file ${reference.own[i]}`,
      );
  }
  const adds = tokenizer.beginToken !== null;
  const same = adds === reference.begins.length > 0;
  const begins = same ? 'equal' : adds === saidToBegin(source) ? 'as add_bos_token says' : 'differs';
  console.log(`${name} (${reference.class}): ${textIn(metadata, 'model')} ${textIn(metadata, 'pre')}`);
  for (const warning of warnings) console.log(`  warns: ${warning}`);
  if (unexplained > 0)
    console.log(`  not explained: ${[...kinds].map((entry) => entry.join(' ')).join(', ')}`);
  const explained = [...reasons.values()].reduce((sum, n) => sum + n, 0);
  const told = [...reasons].map(([reason, n]) => `${n} ${reason}`).join(', ');
  return {
    claim: `${name}: ids of ${count} strings in ${SCRIPT_COUNT} scripts and mixes`,
    measured: `${count - explained - unexplained} equal${told === '' ? '' : `, explained: ${told}`}, ${unexplained} not explained; begin token ${begins}`,
    required: 'all equal or explained',
    holds: unexplained === 0 && begins !== 'differs',
  };
}

/** Why a text is cut in two ways; null = nothing explains it. */
function reasonOf(
  { text }: Sample,
  i: number,
  ids: readonly number[],
  { class: name, own, altered }: Reference,
  metadata: ReadonlyMap<string, GgufValue>,
): string | null {
  if (ids.join() === own[i]!.join())
    return `cut as the file says, which ${name} of transformers does not follow`;
  if (ids.join() === altered[i]!.join())
    return 'cut as the file says but for its normalizer and what llama.cpp takes for capitals and marks';
  if (textIn(metadata, 'model') !== 'bert') return null;
  if (/[\uac00-\ud7a3\u1100-\u11ff]/.test(text))
    return 'with Hangul, whose letters llama.cpp takes apart otherwise';
  if (/[\u061d\u09fd\u0a76\u0c77\u0c84\u0eba\u0ece\u166d]/.test(text))
    return 'with marks that Unicode sorts otherwise since its releases 9 to 15';
  if (/[\p{Mc}\p{Me}]/u.test(text)) return 'with spacing marks, which llama.cpp drops with accents';
  return null;
}

/** transformers 5 leaves it out of account where it opens tokenizer.json by no class of its own. */
function saidToBegin(source: string): unknown {
  const file = join(source, 'tokenizer_config.json');
  return existsSync(file)
    ? (JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>).add_bos_token
    : null;
}

function textIn(metadata: ReadonlyMap<string, GgufValue>, key: string): string | null {
  const value = metadata.get(`tokenizer.ggml.${key}`);
  return value?.type === 'string' ? String(value.value) : null;
}
