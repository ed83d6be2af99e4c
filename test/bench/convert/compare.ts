import { readMetadataValue } from '../../../formats/gguf/copy.js';
import { readGgufHeader } from '../../../formats/gguf/header.js';
import type { GgufValue } from '../../../formats/gguf/value.js';
import { readTensor } from '../../../formats/tensor-data.js';

/** What two GGUF files of one model say differently. */
export interface FileDifferences {
  readonly tensors: number;
  /** Tensors that one of them has alone, or whose type, shape or bytes differ. */
  readonly differing: readonly string[];
  /** Keys with what ours says and what theirs does. */
  readonly keys: readonly string[];
}

/** Compares every tensor, byte by byte, and every key, value by value. */
export async function compareFiles(ours: string, theirs: string): Promise<FileDifferences> {
  const [a, b] = [readGgufHeader(ours), readGgufHeader(theirs)];
  const [mine, other] = [a, b].map(({ tensors }) => new Map(tensors.map((one) => [one.name, one]))) as [
    Map<string, (typeof a.tensors)[number]>,
    Map<string, (typeof a.tensors)[number]>,
  ];
  const differing: string[] = [];
  for (const name of new Set([...mine.keys(), ...other.keys()])) {
    const [one, two] = [mine.get(name), other.get(name)];
    if (one === undefined || two === undefined)
      differing.push(`${name} only in ${one === undefined ? 'theirs' : 'ours'}`);
    else if (one.type !== two.type || one.shape.join() !== two.shape.join())
      differing.push(
        `${name}: ours ${one.type} [${one.shape.join()}], theirs ${two.type} [${two.shape.join()}]`,
      );
    else if (!(await sameBytes(one, two))) differing.push(`${name}: other values`);
  }
  const keys: string[] = [];
  for (const key of new Set([...a.spans.keys(), ...b.spans.keys()])) {
    const [said, meant] = [await readMetadataValue(ours, key), await readMetadataValue(theirs, key)];
    if (shownValue(said, true) !== shownValue(meant, true))
      keys.push(`${key}: ours ${shownValue(said)}, theirs ${shownValue(meant)}`);
  }
  return { tensors: other.size, differing, keys };
}

async function sameBytes(
  a: Parameters<typeof readTensor>[0],
  b: Parameters<typeof readTensor>[0],
): Promise<boolean> {
  const theirs = readTensor(b);
  try {
    for await (const chunk of readTensor(a)) {
      const { value } = await theirs.next();
      if (value === undefined || !chunk.equals(value)) return false;
    }
    return true;
  } finally {
    await theirs.return(undefined);
  }
}

/** @param whole all of it, and not what fits a line. */
function shownValue(value: GgufValue | null, whole = false): string {
  if (value === null) return 'nothing';
  const plain = (one: unknown) => (typeof one === 'bigint' ? Number(one) : one);
  const [type, said] =
    value.type === 'array'
      ? [`[${value.of}]`, value.values.map(plain)]
      : value.type === 'encoded'
        ? ['encoded', []]
        : [value.type, plain(value.value)];
  const text = `${type} ${JSON.stringify(said)}`;
  return whole || text.length < 70 ? text : `${text.slice(0, 60)}… of ${text.length}`;
}
