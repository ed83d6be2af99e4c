import { expect, test } from 'vitest';
import { tensorTypeNumbered } from '../../core/techniques/tensor-types.js';
import { CONSTANTS, loadLlama } from '../../engines/native/llama.js';

test('every type has the name, blocks and bytes that the engine itself says', async () => {
  const { functions } = await loadLlama({ backend: 'shipped', deviceClass: 'cpu' });
  for (let number = 0; number < CONSTANTS.GGML_TYPE_COUNT; number++) {
    const type = tensorTypeNumbered(number);
    // Numbers of types that were given up have blocks of nothing.
    const blockWeights = Number(functions.ggml_blck_size(number));
    if (blockWeights === 0) expect(type, `type ${number}`).toBeNull();
    else
      expect(type, `type ${number}`).toMatchObject({
        name: functions.ggml_type_name(number)!.toLowerCase(),
        blockWeights,
        blockBytes: Number(functions.ggml_type_size(number)),
      });
    if (type === null) continue;
    const isQuantized = type.kind === 'quantized' || type.kind === 'scratch';
    expect(functions.ggml_is_quantized(number), type.name).toBe(isQuantized);
    expect(functions.ggml_quantize_requires_imatrix(number), type.name).toBe(type.needsMatrix === 'ggml');
  }
});
