/** What a reader does with hand or keys; the page's own scrolling is none of it. */
const INPUTS = ['wheel', 'keydown', 'pointerdown', 'pointermove', 'touchmove', 'input'] as const;

let last = Number.NEGATIVE_INFINITY;
for (const input of INPUTS) {
  window.addEventListener(
    input,
    () => {
      last = performance.now();
    },
    { capture: true, passive: true },
  );
}

/** @returns milliseconds since the reader last did something. */
export function millisecondsSinceInput(): number {
  return performance.now() - last;
}
