import { MODEL_FORMATS, withoutEnding } from './formats.js';

/** llama.cpp's names of the files of a split model (llama_split_path): `llama-00002-of-00003.gguf`. */
const NAME = new RegExp(`^(.*)-(\\d{5})-of-(\\d{5})(\\${MODEL_FORMATS.gguf})$`, 'is');

/** What the name of a file says of its place among the files of a split model. */
export interface PartName {
  /** From 1 on. */
  readonly number: number;
  readonly count: number;
  /** @returns the path or address of another part, which lies beside it. */
  readonly pathOf: (number: number) => string;
}

/** @returns null for a name that is none of a part. */
export function partName(path: string): PartName | null {
  const [, front, number, count, ending] = NAME.exec(path) ?? [];
  if (number === undefined || count === undefined) return null;
  if (Number(number) < 1 || Number(number) > Number(count)) return null;
  const pathOf = (other: number) => partPath(`${front}${ending}`, other, Number(count));
  return { number: Number(number), count: Number(count), pathOf };
}

/** @returns what a part is called of the model that would be called `path` if it were one file. */
export function partPath(path: string, number: number, count: number): string {
  const digits = (value: number) => String(value).padStart(5, '0');
  const front = withoutEnding(path);
  return `${front}-${digits(number)}-of-${digits(count)}${path.slice(front.length)}`;
}

/** @returns the name that all parts have in common; one that is none of a part as it is. */
export function withoutPart(path: string): string {
  return path.replace(NAME, '$1$4');
}

/**
 * @returns every part of a split model in order, by the name of one of them; the path itself where it names
 *   none.
 */
export function partPaths(path: string): readonly string[] {
  const part = partName(path);
  return part === null ? [path] : Array.from({ length: part.count }, (_, i) => part.pathOf(i + 1));
}
