import { toFailure } from '../../core/errors.js';
import { load } from './loading.js';

/** A child process that loads each file it is told of, evaluates a few tokens, and answers how that went. */
process.on('message', async ({ path }: { path: string }) => {
  try {
    const model = await load(path, {}, { contextTokens: 64 });
    model.prefill([Int32Array.of(1, 5, 9)]);
    model.step(Int32Array.of(7));
    model.close();
    process.send?.({ outcome: 'ran', code: null, message: null });
  } catch (error) {
    const { code, message } = toFailure(error);
    process.send?.({ outcome: 'failed', code, message });
  }
});
process.on('disconnect', () => process.exit(0));
process.send?.('ready');
