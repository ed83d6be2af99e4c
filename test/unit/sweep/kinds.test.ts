import { describe, expect, test } from 'vitest';
import { RUNNERS } from '../../../core/runners/index.js';
import {
  ALSO_KNOWN_AS,
  AXIS_NAMES,
  FIELDS,
  fieldsOf,
  VALUES_ALSO_KNOWN_AS,
} from '../../../core/sweep/fields.js';
import { rulesOf } from '../../../core/sweep/verdict.js';
import { NEED_IMPORTANCE_MATRIX, QUANTIZATIONS } from '../../../core/techniques/file-types.js';
import { TECHNIQUES } from '../../../core/techniques/index.js';
import { WORKLOADS } from '../../../core/workloads/index.js';

const kinds = [...RUNNERS, ...WORKLOADS];

describe('kinds', () => {
  test('have option names of their own, so that a bare name is enough', () => {
    const options = kinds.flatMap((kind) => Object.entries(kind.options.shape));
    const names = [...TECHNIQUES.map((t) => t.name), ...new Map(options).keys()];
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
    // Two runners may share an option: then it is one and the same.
    for (const [name, option] of options) expect(option, name).toBe(new Map(options).get(name));
    expect(new Set(AXIS_NAMES).size).toBe(AXIS_NAMES.length);
    expect(kinds.map((kind) => kind.kind)).toEqual([...new Set(kinds.map((kind) => kind.kind))]);
  });

  test('say what each option does and have a default that is allowed', () => {
    for (const field of FIELDS.values()) {
      expect(field.help, field.name).not.toBe('');
      expect(field.scalar.safeParse(field.fallback).success, field.name).toBe(true);
    }
  });

  test('translate words of the field into options that exist, and never hide one', () => {
    for (const kind of kinds) {
      const own = fieldsOf(kind.options).map((field) => field.name);
      for (const [word, option] of Object.entries(kind.alsoKnownAs)) {
        expect(own, word).toContain(option);
        expect(AXIS_NAMES, word).not.toContain(word);
        // Kinds that share an option share its spellings.
        expect(ALSO_KNOWN_AS.get(word), word).toBe(option);
      }
    }
    for (const [name, words] of VALUES_ALSO_KNOWN_AS) {
      for (const word of Object.values(words))
        expect(FIELDS.get(name)?.scalar.safeParse(word).success, word).toBe(true);
    }
  });

  test('state rules over axes that exist, and their defaults break none', () => {
    for (const runner of RUNNERS) {
      for (const workload of WORKLOADS.filter(({ needs }) => runner.offers.includes(needs))) {
        const defaults = Object.fromEntries(
          [...FIELDS.values()].map((field) => [field.name, field.fallback]),
        );
        for (const rule of rulesOf(runner.kind, workload.kind)) {
          for (const axis of rule.axes) expect(AXIS_NAMES).toContain(axis);
          expect(rule.reason({ ...defaults, device: runner.devices[0]!, model: 'm' }, null)).toBeNull();
        }
      }
    }
  });
});

test('quantization: every name of llama.cpp is either written or refused with a reason', () => {
  const both = [...QUANTIZATIONS, ...NEED_IMPORTANCE_MATRIX];
  expect(new Set(both).size).toBe(both.length);
  // tools/quantize/quantize.cpp, QUANT_OPTIONS of llama.cpp v0.4.0, without its aliases and COPY.
  expect(both).toHaveLength(35);
});
