/**
 * The largest of many scores, without sorting all of them.
 * @param among indices that are looked at.
 * @returns at most `top` of them, the largest first, equal ones by index.
 */
export function topOf(
  among: Iterable<number>,
  scores: { readonly [index: number]: number },
  top: number,
): number[] {
  // A heap whose root is the worst of those that are kept.
  const heap: number[] = [];
  const worse = (a: number, b: number) => scores[a]! < scores[b]! || (scores[a] === scores[b] && a > b);
  const swap = (i: number, k: number) => ([heap[i], heap[k]] = [heap[k]!, heap[i]!]);
  const sink = (): void => {
    for (let i = 0; ; ) {
      const [left, right] = [2 * i + 1, 2 * i + 2];
      let least = i;
      if (left < heap.length && worse(heap[left]!, heap[least]!)) least = left;
      if (right < heap.length && worse(heap[right]!, heap[least]!)) least = right;
      if (least === i) return;
      swap(i, least);
      i = least;
    }
  };
  for (const index of among) {
    if (heap.length < top) {
      heap.push(index);
      for (let i = heap.length - 1; i > 0; ) {
        const parent = (i - 1) >> 1;
        if (!worse(heap[i]!, heap[parent]!)) break;
        swap(i, parent);
        i = parent;
      }
    } else if (top > 0 && worse(heap[0]!, index)) {
      heap[0] = index;
      sink();
    }
  }
  return heap.sort((a, b) => (worse(a, b) ? 1 : -1));
}
