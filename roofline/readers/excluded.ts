import type { ConfigFile } from './config-file.js';
import { Unreadable } from './reading.js';

/**
 * Lists of modules that a quantizer left as they were, by the names of transformers, ModelOpt and
 * compressed-tensors.
 */
const LISTS = ['modules_to_not_convert', 'exclude_modules', 'ignore'] as const;

/** Models that see have the language model inside of another. */
const OUTER = /^(?:language_model\.)?(?:model\.)?(?:language_model\.)?/;

/**
 * @returns whether a module (`layers.3.self_attn.q_proj`) is left out by a `quantization_config`: by a
 *   regular expression behind `re:`, or by its name, that of what it is in, or a part of its name, with `*`
 *   for anything.
 * @throws Unreadable for a pattern that could take for ever.
 */
export function excludedBy(quantization: ConfigFile): (module: string) => boolean {
  const names = LISTS.flatMap((list) => quantization.list(list) ?? []).filter(
    (name) => typeof name === 'string',
  );
  // A list names thousands of modules of which most differ by their layer alone: those are looked up.
  const whole = new Set<string>();
  const patterns: RegExp[] = [];
  for (const name of new Set(names)) {
    // `layers.1*` means this layer, and not ten to nineteen.
    const inner = name.replace(OUTER, '').replace(/^(layers\.\d+)\*$/, '$1');
    if (name.startsWith('re:')) patterns.push(expression(name.slice(3)));
    else if (inner.startsWith('layers.') && !inner.includes('*')) whole.add(inner);
    else patterns.push(globbed(inner));
  }
  return (module) =>
    enclosingModules(module).some((outer) => whole.has(outer)) ||
    patterns.some((pattern) => pattern.test(module));
}

/** A module and all that it is in. */
function enclosingModules(module: string): string[] {
  const parts = module.split('.');
  return parts.map((_, index) => parts.slice(0, index + 1).join('.'));
}

/**
 * A config may be a stranger's, and some expressions take for ever on a name of fifty letters: those that
 * repeat a group or a reference, and those that repeat many things.
 */
const MOST_REPEATS = 4;
const UNBOUNDED = /\)[*+?{]|\\[1-9k]|\(\?[^:]/;

function expression(source: string): RegExp {
  const repeats = source.match(/[*+?{]/g)?.length ?? 0;
  if (repeats > MOST_REPEATS || UNBOUNDED.test(source))
    throw refused(source, 'it may take too long to match');
  try {
    return new RegExp(source);
  } catch {
    throw refused(source, 'it is no regular expression');
  }
}

/** A name, or a part of one between dots, with `*` for anything. */
function globbed(name: string): RegExp {
  if (name.split('*').length - 1 > MOST_REPEATS) throw refused(name, 'it may take too long to match');
  const inner = name.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*');
  return new RegExp(`(?:^|\\.)${inner}(?:$|\\.)`);
}

function refused(pattern: string, why: string): Unreadable {
  return new Unreadable(
    `the config leaves modules out of quantization by the pattern ${JSON.stringify(pattern)}, and ${why}`,
    'Write the names of the modules, or a simpler pattern.',
  );
}
