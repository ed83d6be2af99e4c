import { createHash } from 'node:crypto';
import { deserialize, serialize } from 'node:v8';

const DIGEST_BYTES = 32;
const HEADER_BYTES = 4 + DIGEST_BYTES;
/** Says that everything is there. */
const END = 'end';

/**
 * Values as bytes, each in a frame: its length, SHA-256 over the checksum of the frame before and what follows, and V8's serialization of the
 * value. Maps, sets and typed arrays stay what they are.
 */
export function* framesOf(values: Iterable<unknown>): Generator<Buffer> {
  let before: Buffer = Buffer.alloc(0);
  for (const value of withEnd(values)) {
    const content = serialize(value);
    before = createHash('sha256').update(before).update(content).digest();
    const length = Buffer.alloc(4);
    length.writeUInt32LE(content.length);
    yield Buffer.concat([length, before, content]);
  }
}

/** Values as they were put into frames; nothing is read of a frame whose checksum is another. @throws Error where they are damaged, or end early */
export async function* valuesIn(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<unknown> {
  let rest: Buffer = Buffer.alloc(0);
  let before: Buffer = Buffer.alloc(0);
  let value: unknown = null;
  for await (const piece of bytes) {
    rest = Buffer.concat([rest, piece]);
    while (rest.length >= HEADER_BYTES && rest.length >= HEADER_BYTES + rest.readUInt32LE(0)) {
      const end = HEADER_BYTES + rest.readUInt32LE(0);
      const content = rest.subarray(HEADER_BYTES, end);
      const digest = createHash('sha256').update(before).update(content).digest();
      if (!digest.equals(rest.subarray(4, HEADER_BYTES))) throw new Error('it is damaged');
      before = digest;
      rest = rest.subarray(end);
      value = deserialize(content);
      if (value !== END) yield value;
    }
  }
  if (value !== END || rest.length > 0) throw new Error('it ends early');
}

function* withEnd(values: Iterable<unknown>): Generator<unknown> {
  yield* values;
  yield END;
}
