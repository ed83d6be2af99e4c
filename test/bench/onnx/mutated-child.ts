/**
 * Opens graphs and runs each for a few tokens; a file that takes this process down is the parent's to note.
 */

import { toFailure } from '../../../core/errors.js';
import { readOptions } from '../../../core/experiment/options.js';
import { onnx } from '../../../core/runners/onnx.js';
import { loadModel } from '../../../engines/runners/onnx/load.js';

process.on('message', async (path: string) => {
  try {
    const model = await loadModel({
      modelPath: path,
      options: readOptions(onnx.options, { threads: 1 }),
      deviceClass: 'cpu',
      deviceId: 'cpu0',
      cpus: [],
      contextTokens: 8,
      sequences: 1,
    });
    model.prefill([Int32Array.of(1, 2, 3)]);
    model.steps([Int32Array.of(4)]);
    model.close();
    process.send?.({ code: null, message: '' });
  } catch (error) {
    const { code, message } = toFailure(error);
    process.send?.({ code, message });
  }
});
process.send?.('ready');
