import { describe, expect, test } from 'vitest';
import { BlockCache } from '../../../batching/cache/block-cache.js';
import type { Passage } from '../../../batching/request.js';

const text = (...passages: (readonly [id: number, tokens: number])[]): Passage[] =>
  passages.map(([id, tokens]) => ({ id, tokens }));

/** Ten blocks of 16. */
const cache = () => new BlockCache(160, 16, true);

/** A request that computed a prompt and has ended. */
function leave(own: BlockCache, passages: readonly Passage[]): void {
  own.release(own.keep(passages, null)!);
}

const found = (own: BlockCache, passages: readonly Passage[], most = 1000) => own.find(passages, most).tokens;

describe('a cache of blocks', () => {
  test('finds whole blocks of what a prompt begins with', () => {
    const own = cache();
    leave(own, text([1, 40], [2, 20]));
    expect(found(own, text([1, 40], [2, 20]))).toBe(48);
    expect(found(own, text([1, 40], [3, 20]))).toBe(32);
    expect(found(own, text([1, 17]))).toBe(16);
    expect(found(own, text([2, 20]))).toBe(0);
    expect(found(own, text([1, 40], [2, 20]), 31)).toBe(16);
    expect([own.held, own.available]).toEqual([0, 10]);
  });

  test('a text that grows is kept once', () => {
    const own = cache();
    leave(own, text([1, 32]));
    leave(own, text([1, 64]));
    expect(found(own, text([1, 64]))).toBe(64);
    expect(own.take(6)).toBe(true);
    expect(found(own, text([1, 64]))).toBe(64);
  });

  test('where blocks run out, what was needed longest ago goes, its end first', () => {
    const own = cache();
    leave(own, text([1, 48], [2, 32]));
    leave(own, text([3, 48]));
    // Eight blocks are kept, and two are free.
    expect(own.take(3)).toBe(true);
    expect([found(own, text([1, 48], [2, 32])), found(own, text([3, 48]))]).toEqual([64, 48]);
    expect(own.take(3)).toBe(true);
    expect([found(own, text([1, 48])), found(own, text([3, 48]))]).toEqual([16, 48]);
    expect(own.take(4)).toBe(true);
    expect([found(own, text([1, 48])), found(own, text([3, 48]))]).toEqual([0, 0]);
    expect([own.available, own.take(1)]).toEqual([0, false]);
  });

  test('what running requests begin with stays, and is held once', () => {
    const own = cache();
    const ends = [own.keep(text([1, 64], [2, 16]), null)!, own.keep(text([1, 64], [3, 16]), null)!];
    expect([own.held, own.available]).toEqual([6, 4]);
    expect(own.take(5)).toBe(false);
    own.release(ends[0]!);
    // The passage of its own can go, the shared one cannot.
    expect([own.held, own.take(5), own.take(1)]).toEqual([5, true, false]);
    expect([found(own, text([1, 64], [2, 16])), found(own, text([1, 64], [3, 16]))]).toEqual([64, 80]);
  });

  test('an answer is found by prompts that go on with it', () => {
    const own = cache();
    const end = own.keep(text([1, 40]), null)!;
    own.keepRest(end, 7, 60);
    own.release(end);
    expect(found(own, text([1, 40], [7, 20], [2, 30]))).toBe(48);
  });

  test('keeps nothing where it is told to', () => {
    const own = new BlockCache(160, 16, false);
    expect(own.keep(text([1, 64]), null)).toBeNull();
    own.keepRest(null, 7, 60);
    expect([found(own, text([1, 64])), own.available]).toEqual([0, 10]);
  });
});
