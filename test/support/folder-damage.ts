import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

type Random = (below: number) => number;

/** Numerical Recipes' generator: small, and the same everywhere. */
function randomFrom(seed: number): Random {
  let state = (seed * 2_654_435_761 + 1) >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** What stands in the place of a value of JSON. */
const VALUES: readonly unknown[] = [
  null,
  0,
  -1,
  1.5,
  1e308,
  2 ** 32,
  2 ** 53,
  '',
  'four',
  true,
  [],
  {},
  [1, 2, 3],
  { rope_type: 'llama3', factor: 0 },
  '__proto__',
];

/** Ways to damage a folder; each says what it did, and null where there is nothing to damage. */
const KINDS: Readonly<Record<string, (folder: string, random: Random) => string | null>> = {
  'a value of config.json': (folder, random) => inJson(folder, 'config.json', random),
  'a value of the index': (folder, random) => inJson(folder, 'model.safetensors.index.json', random),
  'a value of tokenizer.json': (folder, random) => inJson(folder, 'tokenizer.json', random),
  'a file that is missing': (folder, random) => {
    const name = pick(readdirSync(folder).sort(), random);
    rmSync(join(folder, name));
    return name;
  },
  'a file that is cut off': (folder, random) => {
    const name = pick(readdirSync(folder).sort(), random);
    const bytes = readFileSync(join(folder, name));
    writeFileSync(join(folder, name), bytes.subarray(0, random(bytes.length)));
    return name;
  },
  'bytes of a header': (folder, random) => {
    const name = weightsOf(folder, random);
    const bytes = Buffer.from(readFileSync(join(folder, name)));
    const length = Math.min(bytes.length, 8 + Number(bytes.readBigUInt64LE() % 65_536n));
    for (let i = 0; i <= random(4); i++) bytes[random(length)] = random(256);
    writeFileSync(join(folder, name), bytes);
    return name;
  },
  'a number of a header': (folder, random) => {
    const name = weightsOf(folder, random);
    return rewritten(folder, name, (json) => {
      const numbers = [...json.matchAll(/\d+/g)];
      const { index, 0: old } = pick(numbers, random);
      const other = pick(
        ['0', '1', '7', '4294967296', '9007199254740993', '-1', String(Number(old) * 2)],
        random,
      );
      return json.slice(0, index) + other + json.slice(index + old.length);
    });
  },
  'a word of a header': (folder, random) => {
    const name = weightsOf(folder, random);
    return rewritten(folder, name, (json) => {
      const words = [...json.matchAll(/"[^"]+"/g)];
      const { index, 0: old } = pick(words, random);
      const other = pick(
        ['"F64"', '"I8"', '"Q4"', '"F8_E4M3"', '"model.norm.weight"', '"__proto__"', '""'],
        random,
      );
      return json.slice(0, index) + other + json.slice(index + old.length);
    });
  },
};
const NAMES = Object.keys(KINDS);

/** Damages a folder as a seed says. @returns what was done. */
export function damageFolder(folder: string, seed: number): string {
  const random = randomFrom(seed);
  for (;;) {
    const kind = pick(NAMES, random);
    const what = KINDS[kind]!(folder, random);
    if (what !== null) return `${kind}: ${what}`;
  }
}

function pick<T>(from: readonly T[], random: Random): T {
  return from[random(from.length)]!;
}

function weightsOf(folder: string, random: Random): string {
  return pick(
    readdirSync(folder)
      .filter((name) => name.endsWith('.safetensors'))
      .sort(),
    random,
  );
}

function inJson(folder: string, name: string, random: Random): string | null {
  let at: Record<string, unknown>;
  try {
    at = JSON.parse(readFileSync(join(folder, name), 'utf8')) as Record<string, unknown>;
  } catch {
    return null;
  }
  const whole = at;
  let key = pick(Object.keys(at), random);
  for (let depth = 0; depth < 3; depth++) {
    const inner = at[key];
    if (typeof inner !== 'object' || inner === null || Object.keys(inner).length === 0 || random(3) === 0)
      break;
    at = inner as Record<string, unknown>;
    key = pick(Object.keys(at), random);
  }
  const value = random(4) === 0 ? undefined : pick(VALUES, random);
  if (value === undefined) delete at[key];
  else at[key] = value;
  writeFileSync(join(folder, name), JSON.stringify(whole));
  return `${name}, ${key} = ${JSON.stringify(value) ?? 'left out'}`;
}

/** Changes the JSON of a header, and says its new length in front. */
function rewritten(folder: string, name: string, change: (json: string) => string): string {
  const bytes = readFileSync(join(folder, name));
  const length = Number(bytes.readBigUInt64LE());
  const before = bytes.toString('utf8', 8, 8 + length);
  const json = Buffer.from(change(before));
  const front = Buffer.alloc(8);
  front.writeBigUInt64LE(BigInt(json.length));
  writeFileSync(join(folder, name), Buffer.concat([front, json, bytes.subarray(8 + length)]));
  return name;
}
