/**
 * Writes engines/native/llama-cpp/gen/<release>.ts: the prototypes, constants and struct layouts of the
 * llama.cpp release whose packages are installed. A developer runs it when these change
 * (`node --import tsx scripts/generate-bindings.ts [FOLDER]`); it needs git and gcc. Offsets and sizes are
 * computed by the C compiler, so that the loader can prove its own struct layouts right.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { checkOutSources } from '../engines/native/engines/build.js';
import { findEngine } from '../engines/native/packages.js';

const HEADERS = ['ggml.h', 'ggml-alloc.h', 'ggml-backend.h', 'ggml-cpu.h', 'gguf.h', 'llama.h'];
/** Structs that are reached through pointers only, so that no prototype names them by value. */
const POINTED_AT = [
  'ggml_tensor',
  'ggml_threadpool_params',
  'ggml_backend_dev_props',
  'llama_model_quantize_params',
];

interface Field {
  readonly name: string;
  readonly type: string;
}

const run = (command: string, args: readonly string[], cwd?: string): string =>
  execFileSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 27, ...(cwd ? { cwd } : {}) });

/**
 * @returns the headers after the preprocessor, on one line, with attributes gone and exports marked `extern`.
 */
function preprocess(folder: string, sources: string): { text: string; includes: string[]; umbrella: string } {
  const umbrella = join(folder, 'all.h');
  const defines = ['LLAMA_SHARED', 'GGML_SHARED', 'GGML_BACKEND_SHARED'].map((name) => `#define ${name}`);
  writeFileSync(umbrella, [...defines, ...HEADERS.map((h) => `#include "${h}"`), ''].join('\n'));
  const includes = [`-I${join(sources, 'include')}`, `-I${join(sources, 'ggml/include')}`];
  const text = run('gcc', ['-E', '-P', ...includes, umbrella])
    .replace(/__attribute__\s*\(\(\s*visibility\s*\(\s*"default"\s*\)\s*\)\)/g, ' extern ')
    .replace(/__attribute__\s*\(\((?:[^()]|\([^()]*\))*\)\)/g, ' ')
    .replace(/\s+/g, ' ')
    .replace(/extern extern/g, 'extern');
  return { text, includes, umbrella };
}

function readEnums(text: string): { names: Set<string>; values: Map<string, number> } {
  const names = new Set<string>();
  const values = new Map<string, number>();
  for (const [, name = '', body = ''] of text.matchAll(/enum (\w+) \{([^}]*)\}/g)) {
    names.add(name);
    let next = 0;
    for (const part of body
      .split(',')
      .map((p) => p.trim())
      .filter(Boolean)) {
      const [key = '', expression] = part.split('=').map((p) => p.trim());
      if (expression !== undefined) {
        const known = expression.replace(/\b[A-Z]\w*\b/g, (word) => String(values.get(word) ?? word));
        next = Number(new Function(`return (${known})`)());
      }
      values.set(key, next++);
    }
  }
  return { names, values };
}

/** Turns a C type into a koffi type: handles and pointers are `void *`, enums `int`. */
function typeMapper(text: string, enums: Set<string>, structs: ReadonlyMap<string, string>) {
  const pointers = new Set(
    [...text.matchAll(/typedef (?:const )?(?:struct )?\w+ ?\* ?(\w+) ?;/g)].map((m) => m[1] ?? ''),
  );
  for (const m of text.matchAll(/typedef [^;(]*\(\* ?(\w+)\) ?\(/g)) pointers.add(m[1] ?? '');
  const aliases = new Map<string, string>([
    ['_Bool', 'bool'],
    ['size_t', 'size_t'],
  ]);
  for (const m of text.matchAll(/typedef (u?int\d+_t) (\w+) ?;/g)) aliases.set(m[2] ?? '', m[1] ?? '');
  aliases.set('ggml_bf16_t', 'uint16_t');
  return (spelled: string): string => {
    const type = spelled
      .replace(/\b(struct|restrict|__restrict(?:__)?)\b/g, ' ')
      .replace(/\s+/g, ' ')
      .trim();
    if (/[*[(]/.test(type)) return /^const char ?\*$/.test(type) ? 'str' : 'void *';
    const plain = type
      .replace(/\bconst\b/g, '')
      .replace(/\s+/g, ' ')
      .trim();
    if (plain.startsWith('enum ') || enums.has(plain)) return 'int';
    if (pointers.has(plain)) return 'void *';
    return structs.has(plain) ? plain : (aliases.get(plain) ?? plain);
  };
}

function splitArguments(list: string): string[] {
  const parts: string[] = [''];
  let depth = 0;
  for (const c of list) {
    depth += c === '(' ? 1 : c === ')' ? -1 : 0;
    if (c === ',' && depth === 0) parts.push('');
    else parts[parts.length - 1] += c;
  }
  return parts.map((p) => p.trim()).filter((p) => p !== '' && p !== 'void');
}

/** `const char * name` → `const char *`; a type of one word without a name stays as it is. */
function withoutName(parameter: string): string {
  const words = (parameter.match(/\w+/g) ?? []).filter((w) => !['const', 'struct', 'enum'].includes(w));
  return words.length > 1 ? parameter.replace(/\b\w+$/, '') : parameter;
}

/** @returns the fields of a flat struct, or null when it holds structs or unions of its own. */
function readFields(body: string, mapType: (type: string) => string): Field[] | null {
  if (/[{}]/.test(body)) return null;
  const fields: Field[] = [];
  for (const declaration of body
    .split(';')
    .map((d) => d.trim())
    .filter(Boolean)) {
    const [first = '', ...more] = declaration.split(',').map((d) => d.trim());
    const m = /^(.*?[ *])(\w+)((?:\[[^\]]*\])*)$/.exec(first);
    if (!m) return null;
    const type = mapType(m[1] ?? '');
    const size = [...(m[3] ?? '').matchAll(/\[([^\]]*)\]/g)]
      .map((x) => Number(new Function(`return ${(x[1] ?? '').replace(/sizeof\(int32_t\)/g, '4')}`)()))
      .reduce((a, b) => a * b, 1);
    fields.push({ name: m[2] ?? '', type: m[3] ? `${type}[${size}]` : type });
    for (const name of more) fields.push({ name, type });
  }
  return fields;
}

/** Every size and offset as the compiler has them. */
function layoutOf(
  structs: ReadonlyMap<string, readonly Field[]>,
  folder: string,
  umbrella: string,
  includes: readonly string[],
): Map<string, string> {
  const print = [...structs].flatMap(([s, fields]) => [
    `printf("${s} %zu\\n", sizeof(struct ${s}));`,
    ...fields.map((f) => `printf("${s}.${f.name} %zu\\n", offsetof(struct ${s}, ${f.name}));`),
  ]);
  const source = join(folder, 'layout.c');
  writeFileSync(
    source,
    `#include "${umbrella}"\n#include <stdio.h>\n#include <stddef.h>\nint main(void) {\n${print.join('\n')}\nreturn 0; }\n`,
  );
  run('gcc', ['-w', ...includes, source, '-o', join(folder, 'layout')]);
  return new Map(
    run(join(folder, 'layout'), [])
      .trim()
      .split('\n')
      .map((line) => line.split(' ') as [string, string]),
  );
}

function pageOf(
  release: string,
  functions: ReadonlyMap<string, readonly [string, readonly string[]]>,
  constants: ReadonlyMap<string, number>,
  structs: ReadonlyMap<string, readonly Field[]>,
  layout: ReadonlyMap<string, string>,
): string {
  return [
    '// Generated by scripts/generate-bindings.ts from the headers of llama.cpp; do not edit.',
    `// ${functions.size} functions, ${constants.size} constants, ${structs.size} structs.`,
    '',
    `export const RELEASE = '${release}';`,
    '',
    '/** Name → [result, arguments]. */',
    'export const FUNCTIONS = {',
    ...[...functions]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(
        ([name, [result, args]]) => `  ${name}: ['${result}', [${args.map((a) => `'${a}'`).join(', ')}]],`,
      ),
    '} as const;',
    '',
    'export const CONSTANTS = {',
    ...[...constants].map(([name, value]) => `  ${name}: ${value},`),
    '} as const;',
    '',
    '/** Name → size in bytes and fields as [name, type, offset], by the C compiler (64-bit, System V). */',
    'export const STRUCTS = {',
    ...[...structs].flatMap(([name, fields]) => [
      `  ${name}: {`,
      `    size: ${layout.get(name)},`,
      '    fields: [',
      ...fields.map((f) => `      ['${f.name}', '${f.type}', ${layout.get(`${name}.${f.name}`)}],`),
      '    ],',
      '  },',
    ]),
    '} as const;',
    '',
  ].join('\n');
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-bindings-'));
  try {
    const { release } = findEngine();
    const sources = await checkOutSources(release);
    const { text, includes, umbrella } = preprocess(folder, sources);
    const enums = readEnums(text);
    const bodies = new Map(
      [...text.matchAll(/struct (\w+) \{((?:[^{}]|\{[^{}]*\})*)\}/g)].map((m) => [
        m[1] ?? '',
        (m[2] ?? '').trim(),
      ]),
    );
    const mapType = typeMapper(text, enums.names, bodies);

    const functions = new Map<string, readonly [string, readonly string[]]>();
    const declaration = /extern ([^;{}"]*?[ *])(\w+) ?\(((?:[^()]|\([^()]*\))*)\) ?;/g;
    for (const [, result = '', name = '', list = ''] of text.matchAll(declaration)) {
      // Variadic functions cannot be called without naming types; of ggml's own training only the optimizer's
      // steps are used.
      if (!/^(ggml|gguf|llama)_/.test(name) || list.includes('...')) continue;
      if (name.startsWith('ggml_opt_') && !name.startsWith('ggml_opt_step_')) continue;
      functions.set(name, [mapType(result), splitArguments(list).map((p) => mapType(withoutName(p)))]);
    }

    const wanted = new Set(
      [...functions.values()].flatMap(([r, a]) => [r, ...a]).filter((t) => bodies.has(t)),
    );
    for (const name of POINTED_AT) wanted.add(name);
    const structs = new Map<string, Field[]>();
    const left: string[] = [];
    // A set grows while it is walked: structs inside structs come along.
    for (const name of wanted) {
      const fields = readFields(bodies.get(name) ?? '{', mapType);
      if (fields) structs.set(name, fields);
      else left.push(name);
      for (const field of fields ?? []) if (bodies.has(field.type)) wanted.add(field.type);
    }
    for (const [name, [result, args]] of functions) {
      if (left.some((s) => result === s || args.includes(s))) functions.delete(name);
    }

    const layout = layoutOf(structs, folder, umbrella, includes);
    const out = join(
      process.argv[2] ?? join(import.meta.dirname, '../engines/native/llama-cpp/gen'),
      `${release}.ts`,
    );
    mkdirSync(dirname(out), { recursive: true });
    writeFileSync(out, pageOf(release, functions, enums.values, structs, layout));
    console.log(
      `${out}: ${functions.size} functions, ${structs.size} structs; left out: ${left.join(', ') || 'none'}`,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
