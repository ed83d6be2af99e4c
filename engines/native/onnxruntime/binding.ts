import type { Pointer } from './api.js';
import type { OrtRuntime } from './runtime.js';
import type { Session } from './session.js';

/** Inputs and outputs of a session, bound once and run again and again. */
export interface Binding {
  /** Runs with what is bound. @throws OrtError */
  run(): void;
  /** @returns what came out, in the order of the session's outputs; whoever asks releases each value. */
  outputs(): Pointer[];
  close(): void;
}

/**
 * Binds inputs, which are brought to where the session wants them now and not again, and has outputs stay
 * where the session makes them: the first run allocates them, those after it write there again.
 * @param inputs a value for each input of the session, in order.
 * @throws OrtError
 */
export function bindSession(runtime: OrtRuntime, session: Session, inputs: readonly Pointer[]): Binding {
  const { api, allocator } = runtime;
  const binding = api.make('CreateIoBinding', session.handle);
  const close = () => void api.call('ReleaseIoBinding', binding);
  const [inputNames, outputNames] = [session.inputs, session.outputs].map((all) =>
    api.names(all.map(({ name }) => name)),
  ) as [BigUint64Array, BigUint64Array];
  const hold = (i: number) =>
    api.call('BindOutputToDevice', binding, outputNames[i]!, session.places.outputs[i]!.info);
  // What is no tensor is made anew by each run.
  const anew = session.outputs.flatMap(({ type }, i) => (type === null ? [i] : []));
  try {
    for (const [i, value] of inputs.entries()) api.call('BindInput', binding, inputNames[i]!, value);
    for (const i of session.outputs.keys()) hold(i);
  } catch (error) {
    close();
    throw error;
  }
  const run = api.bind('RunWithBinding');
  return {
    run() {
      for (const i of anew) hold(i);
      run(session.handle, session.runOptions, binding);
    },
    outputs() {
      const [array, count] = [new BigUint64Array(1), new BigUint64Array(1)];
      api.call('GetBoundOutputValues', binding, allocator, array, count);
      const length = Number(count[0]!);
      if (length === 0) return [];
      const values = [...new BigUint64Array(api.view(array[0]!, 8 * length))];
      api.call('AllocatorFree', allocator, array[0]!);
      return values;
    },
    close,
  };
}
