import { asReason, Interrupted } from './interrupted.js';
import { type Answer, type Asking, hostOf } from './request.js';

/** A connection that brings less than this a second is as good as none. */
export const LEAST_BYTES_PER_SECOND = 1000;

/**
 * The bytes of an answer, as long as they come. Errors of the connection become what they mean, those of the
 * reader stay theirs; whoever stops reading closes the connection.
 * @throws Interrupted for a connection that breaks, or trickles: idle ones end by themselves.
 */
export async function* arriving({ body }: Answer, address: string, asking: Asking): AsyncGenerator<Buffer> {
  const { signal, policy } = asking;
  const { stallSeconds } = policy;
  let [came, before] = [0, 0];
  const stop = () => body.destroy(new Interrupted('stopped'));
  const pace = setInterval(() => {
    const more = came - before;
    before = came;
    if (more < LEAST_BYTES_PER_SECOND * stallSeconds)
      body.destroy(new Interrupted(`${hostOf(address)} sent ${more} bytes in ${stallSeconds} s`));
  }, 1000 * stallSeconds);
  signal.addEventListener('abort', stop);
  const chunks = (body as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await chunks.next().catch((error: Error) => {
        throw asReason(error, new URL(address), signal);
      });
      if (next.done === true) return;
      came += next.value.length;
      yield next.value;
    }
  } finally {
    clearInterval(pace);
    signal.removeEventListener('abort', stop);
    body.destroy();
  }
}
