/** Says in a sentence why a file cannot be read; the caller adds which file. */
export class SafetensorsError extends Error {
  override readonly name = 'SafetensorsError';
}

const UTF8 = new TextDecoder('utf-8', { fatal: true });
/** Header → tensor → shape. */
const MAX_DEPTH = 3;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = new Set([0x5b, 0x7b]);
const CLOSE = new Set([0x5d, 0x7d]);

/**
 * Reads JSON of a stranger: the nesting is looked at before a parser builds anything from it.
 * @throws SafetensorsError
 */
export function readDocument(json: Uint8Array): unknown {
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < json.length; i++) {
    const byte = json[i]!;
    if (quoted) {
      if (byte === BACKSLASH) i += 1;
      else if (byte === QUOTE) quoted = false;
    } else if (byte === QUOTE) quoted = true;
    else if (OPEN.has(byte)) depth += 1;
    else if (CLOSE.has(byte)) depth -= 1;
    if (depth > MAX_DEPTH) throw new SafetensorsError('its header is nested deeper than a header can be');
  }
  try {
    return JSON.parse(UTF8.decode(json));
  } catch {
    throw new SafetensorsError('its header is no JSON in UTF-8');
  }
}
