import { FormatError, shown } from '../format.js';

/** Says in a sentence why a file cannot be read; the caller adds which file. */
export class SafetensorsError extends FormatError {
  override readonly name = 'SafetensorsError';
}

const UTF8 = new TextDecoder('utf-8', { fatal: true });
/** Header → tensor → shape. */
const MAX_DEPTH = 3;
/** Tensors of a file, or entries of an index; a real model has some thousands. */
const MAX_FIELDS = 65_536 + 1;
const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/**
 * Reads JSON of a stranger: before a parser builds anything from it, its nesting and its names are looked at.
 * A name that is there twice is refused, since readers differ in which of the two they take.
 * @throws SafetensorsError
 */
export function readDocument(json: Uint8Array): unknown {
  requireModest(json);
  try {
    return JSON.parse(UTF8.decode(json));
  } catch {
    throw new SafetensorsError('its header is no JSON in UTF-8');
  }
}

function requireModest(json: Uint8Array): void {
  /** Names of each open object, innermost last; null for a list. */
  const open: (Set<string> | null)[] = [];
  let nameComes = false;
  for (let i = 0; i < json.length; i++) {
    const byte = json[i]!;
    if (byte === QUOTE) {
      const end = endOfText(json, i);
      if (nameComes) addName(open.at(-1), json.subarray(i, end + 1));
      nameComes = false;
      i = end;
    } else if (byte === OPEN_OBJECT || byte === OPEN_LIST) {
      open.push(byte === OPEN_OBJECT ? new Set() : null);
      if (open.length > MAX_DEPTH)
        throw new SafetensorsError('its header is nested deeper than a header can be');
      nameComes = byte === OPEN_OBJECT;
    } else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) {
      open.pop();
      nameComes = false;
    } else if (byte === COMMA) nameComes = open.at(-1) instanceof Set;
  }
}

/** @returns where the text that begins at a quote ends, or the end of the JSON. */
function endOfText(json: Uint8Array, start: number): number {
  let i = start + 1;
  while (i < json.length && json[i] !== QUOTE) i += json[i] === BACKSLASH ? 2 : 1;
  return i;
}

function addName(names: Set<string> | null | undefined, quoted: Uint8Array): void {
  if (!(names instanceof Set)) return;
  let name: string;
  try {
    // `a` can be written in six more letters; it is the same name.
    name = JSON.parse(UTF8.decode(quoted)) as string;
  } catch {
    throw new SafetensorsError('its header is no JSON in UTF-8');
  }
  if (names.has(name)) throw new SafetensorsError(`its header has the name ${shown(name)} twice`);
  names.add(name);
  if (names.size > MAX_FIELDS)
    throw new SafetensorsError(
      `it claims more than ${MAX_FIELDS - 1} tensors, which is the most there can be`,
    );
}
