import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EventStream } from '../../../load/sse.js';

function read(parts: readonly Buffer[]): string[] {
  const all: string[] = [];
  const stream = new EventStream((data) => all.push(data));
  for (const part of parts) stream.push(part);
  stream.end();
  return all;
}

/** Cuts bytes at these places. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ordered = [...places].sort((a, b) => a - b);
  return [0, ...ordered].map((from, i) => bytes.subarray(from, ordered[i] ?? bytes.length));
}

describe('events of a stream', () => {
  test('comments, other fields and events without data are passed over', () => {
    const text =
      '\uFEFF: hello\nevent: x\ndata: one\nid: 1\n\n\n\ndata:two\ndata\ndata:  three\n\nretry: 5\n\n';
    expect(read([Buffer.from(text)])).toEqual(['one', 'two\n\n three']);
  });

  test('an event whose blank line never came is given out at the end', () => {
    expect(read([Buffer.from('data: [DONE]')])).toEqual(['[DONE]']);
    expect(read([Buffer.from('data: [DONE]\n')])).toEqual(['[DONE]']);
  });

  test('are the same wherever bytes are cut, and whichever way lines end', () => {
    const line = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 12 }),
      fc.constantFrom('{"a":"é😀"}', '日本'),
    );
    const data = fc.array(
      line.map((text) => text.replace(/[\r\n]/g, '·')),
      { minLength: 1, maxLength: 3 },
    );
    fc.assert(
      fc.property(
        fc.array(data, { minLength: 1, maxLength: 5 }),
        fc.constantFrom('\n', '\r\n', '\r'),
        fc.array(fc.nat(400), { maxLength: 12 }),
        (events, end, places) => {
          const text = events
            .map((lines) => lines.map((one) => `data: ${one}${end}`).join('') + end)
            .join('');
          const bytes = Buffer.from(text);
          const parts = cut(
            bytes,
            places.map((place) => Math.min(place, bytes.length)),
          );
          expect(read(parts)).toEqual(events.map((lines) => lines.join('\n')));
        },
      ),
    );
  });

  test.each([
    ['a line', 'a'.repeat(2 ** 20)],
    ['an event', `data:${'a'.repeat(2 ** 20)}\n`],
  ])('%s without end is refused', (what, text) => {
    const stream = new EventStream(() => {});
    const piece = Buffer.from(text);
    expect(() => {
      for (let i = 0; i < 5; i++) stream.push(piece);
    }).toThrow(`${what} of more than 4194304`);
  });
});
