import koffi from 'koffi';
import { describe, expect, test } from 'vitest';
import { FailureError } from '../../../core/errors.js';
import {
  BINDINGS_RELEASE,
  bindFunctions,
  CONSTANTS,
  STRUCTS,
  type StructName,
  StructTypes,
} from '../../../engines/native/llama-cpp/bindings.js';
import { FUNCTIONS } from '../../../engines/native/llama-cpp/gen/v0.4.0.js';
import { findEngine } from '../../../engines/native/packages.js';

// koffi knows types by name, so a process makes them once.
const types = new StructTypes(koffi as unknown as ConstructorParameters<typeof StructTypes>[0]);

describe('generated bindings', () => {
  test('every struct has the size and the offsets that the C compiler computed', () => {
    expect(types.differences()).toEqual([]);
    let checked = 0;
    for (const name of Object.keys(STRUCTS) as StructName[]) {
      const made = types.struct(name);
      expect(made.size, name).toBe(STRUCTS[name].size);
      for (const [field, , offset] of STRUCTS[name].fields) {
        expect(made.members?.[field]?.offset, `${name}.${field}`).toBe(offset);
        checked += 1;
      }
    }
    expect(checked).toBeGreaterThan(120);
  });

  test('a batch has the size by which the native loop of steps hands it on (kernels/steps/steps.h)', () => {
    expect(STRUCTS.llama_batch.size).toBe(7 * 8);
  });

  test('a struct that lies otherwise is refused before anything is called', () => {
    const other = Object.assign(Object.create(types) as StructTypes, {
      differences: () => ['llama_batch.logits is at 44, not 48'],
    });
    expect(() => bindFunctions(other, [])).toThrow(FailureError);
    expect(() => bindFunctions(other, [])).toThrow('llama_batch.logits is at 44, not 48');
  });

  test('they are those of the installed package', () => {
    expect(findEngine().release).toBe(BINDINGS_RELEASE);
  });

  test('every type they name is one that koffi or the table knows', () => {
    const unknown = new Set<string>();
    for (const [result, args] of Object.values(FUNCTIONS)) {
      for (const name of [result, ...args]) {
        try {
          koffi.sizeof(types.type(name) as string);
        } catch {
          if (name !== 'void') unknown.add(name);
        }
      }
    }
    expect([...unknown]).toEqual([]);
  });

  test('constants are the headers’', () => {
    expect(CONSTANTS.GGML_TYPE_Q4_K).toBe(12);
    expect(CONSTANTS.LLAMA_FLASH_ATTN_TYPE_AUTO).toBe(-1);
    expect(CONSTANTS.LLAMA_FTYPE_MOSTLY_Q4_K_M).toBe(15);
  });
});
