import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const KERNELS = join(import.meta.dirname, '../kernels');

/** @returns the headers of the parts that have an interface, by the part: kernels/<part>/<part>.h. */
export function kernelHeaders(): Map<string, string> {
  const parts = readdirSync(KERNELS).filter((part) => existsSync(join(KERNELS, part, `${part}.h`)));
  return new Map(
    parts.toSorted().map((part) => [part, readFileSync(join(KERNELS, part, `${part}.h`), 'utf8')]),
  );
}

/** Number types of our headers, each with its bytes and what a pointer to it is given as. */
const NUMBERS: Readonly<Record<string, { readonly bytes: number; readonly array: string }>> = {
  float: { bytes: 4, array: 'Float32Array' },
  double: { bytes: 8, array: 'Float64Array' },
  uint8_t: { bytes: 1, array: 'Uint8Array' },
  int32_t: { bytes: 4, array: 'Int32Array' },
  int: { bytes: 4, array: 'Int32Array' },
  int64_t: { bytes: 8, array: 'BigInt64Array' },
  uint64_t: { bytes: 8, array: 'BigUint64Array' },
  char: { bytes: 1, array: 'Uint8Array' },
};
/** Structs that are passed by value, each by the engine's name of what it stands for. */
const BY_VALUE: Readonly<Record<string, string>> = { ridge_batch: 'llama_batch' };

const withoutComments = (header: string): string => header.replace(/\/\/[^\n]*/g, '');

/**
 * @returns the number of an interface: the first 28 bits of the SHA-256 of its header without comments and
 *   blanks. CMake computes the same (kernels/cmake/interface.cmake), so a library that was built of another
 *   header has another.
 */
export function interfaceNumber(header: string): number {
  const text = withoutComments(header).replace(/[ \t\r\n]+/g, '');
  return Number.parseInt(createHash('sha256').update(text).digest('hex').slice(0, 7), 16);
}

/** A type of a header as koffi reads it in a prototype, and as TypeScript takes and gives it. */
interface Type {
  readonly c: string;
  readonly taken: string;
  readonly given: string;
}

/** @param known structs and function types of the header. @throws Error for a type that is not among them. */
function typeOf(spelled: string, known: ReadonlySet<string>): Type {
  const [, constant = '', name = '', star = ''] = /^(const )?(\w+) ?(\*?)$/.exec(spelled) ?? [];
  const address = { c: 'void *', taken: 'Pointer | ArrayBufferView', given: 'Pointer' };
  if (star === '*') {
    if (name === 'char' && constant !== '')
      return { c: 'const char *', taken: 'string', given: 'string | null' };
    const array = NUMBERS[name]?.array;
    if (array !== undefined)
      return { c: `${constant}${name} *`, taken: `${array} | Pointer`, given: 'Pointer' };
    if (name === 'void' || known.has(name)) return address;
  } else if (name in BY_VALUE) {
    const struct = BY_VALUE[name]!;
    return { c: struct, taken: `StructValue<'${struct}'>`, given: `StructValue<'${struct}'>` };
  } else if (name === 'void') return { c: name, taken: name, given: name };
  else if (name === 'bool') return { c: name, taken: 'boolean', given: 'boolean' };
  else if (name === 'int64_t' || name === 'uint64_t')
    return { c: name, taken: 'number | bigint', given: 'number | bigint' };
  else if (name in NUMBERS) return { c: name, taken: 'number', given: 'number' };
  else if (known.has(name)) return { ...address, taken: 'Pointer' };
  throw new Error(`scripts/kernel-bindings.ts does not know the type ${spelled || JSON.stringify(spelled)}`);
}

interface Binding {
  readonly name: string;
  readonly prototype: string;
  readonly signature: string;
}

function functionsOf(text: string, known: ReadonlySet<string>): Binding[] {
  const declarations = text.matchAll(/^RIDGE_\w*API ([\w ]+\*?) ?\b(ridge_\w+)\(([^)]*)\);/gm);
  return [...declarations].map(([, result = '', name = '', list = '']) => {
    const parameters = list === 'void' ? [] : list.split(',').map((one) => one.trim().replace(/\s+/g, ' '));
    const typed = parameters.map((parameter) => {
      const [, type = '', called = ''] = /^(.*?) ?(\w+)$/.exec(parameter) ?? [];
      return { ...typeOf(type, known), called };
    });
    const given = typeOf(result.trim(), known);
    const spaced = (c: string) => (c.endsWith('*') ? c : `${c} `);
    const args = typed.map(({ c, called }) => `${spaced(c)}${called}`).join(', ');
    const camel = (called: string) => called.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
    const taken = typed.map((one) => `${camel(one.called)}: ${one.taken}`).join(', ');
    return {
      name,
      prototype: `${spaced(given.c)}${name}(${args})`,
      signature: `${name}(${taken}): ${given.given};`,
    };
  });
}

function constantsOf(text: string): [string, number][] {
  return [...text.matchAll(/\benum \{([^}]*)\};/g)].flatMap(([, body = '']) =>
    body.split(',').map((one): [string, number] => {
      const [, name, value] = /^\s*(\w+) = (\d+)\s*$/.exec(one) ?? [];
      if (name === undefined) throw new Error(`scripts/kernel-bindings.ts does not read the constant ${one}`);
      return [name, Number(value)];
    }),
  );
}

interface Struct {
  readonly name: string;
  readonly bytes: number;
  /** Where each field begins. */
  readonly fields: readonly (readonly [string, number])[];
}

/** Each field at the next multiple of its own size, as C compilers of 64-bit systems lay structs out. */
function structsOf(text: string, constants: ReadonlyMap<string, number>): Struct[] {
  return [...text.matchAll(/\btypedef struct \{([^}]*)\} (\w+);/g)].map(([, body = '', name = '']) => {
    const fields: [string, number][] = [];
    let [end, widest] = [0, 1];
    const alignedEnd = (size: number) => Math.ceil(end / size) * size;
    for (const declaration of body.split(';').filter((one) => one.trim() !== '')) {
      const [, type = '', list = ''] = /^\s*(?:const )?(\w+)([\s\S]*)$/.exec(declaration) ?? [];
      for (const one of list.split(',')) {
        const [, star, field = '', counts = ''] = /^\s*(\*?)\s*(\w+)((?:\[\w+\])*)\s*$/.exec(one) ?? [];
        const size = star === '*' ? 8 : (NUMBERS[type]?.bytes ?? Number.NaN);
        const count = [...counts.matchAll(/\w+/g)].reduce(
          (product, [number]) => product * (constants.get(number) ?? Number(number)),
          1,
        );
        if (!Number.isInteger(size * count))
          throw new Error(`scripts/kernel-bindings.ts does not read the field ${one} of ${name}`);
        fields.push([field, alignedEnd(size)]);
        end = alignedEnd(size) + size * count;
        widest = Math.max(widest, size);
      }
    }
    return { name, bytes: alignedEnd(widest), fields };
  });
}

/**
 * @param headers each part's header, by the part: kernels/<part>/<part>.h.
 * @returns the text of engines/native/gen/kernels.ts.
 * @throws Error for what it cannot read, so that nothing of a header is left out.
 */
export function kernelBindings(headers: ReadonlyMap<string, string>): string {
  const parts = [...headers].map(([part, header]) => {
    const text = withoutComments(header);
    const functionTypes = [...text.matchAll(/\btypedef [^;{]*\(\*(\w+)\)/g)].map(([, name = '']) => name);
    const constants = constantsOf(text);
    const structs = structsOf(text, new Map(constants));
    const functions = functionsOf(text, new Set([...functionTypes, ...structs.map(({ name }) => name)]));
    const exported = text.match(/^RIDGE_\w*API /gm)?.length ?? 0;
    if (functions.length !== exported)
      throw new Error(`kernels/${part}/${part}.h: ${functions.length} of ${exported} functions can be read`);
    return { part, number: interfaceNumber(header), constants, structs, functions };
  });
  const joinParts = (render: (one: (typeof parts)[number]) => string) =>
    parts
      .map(render)
      .filter((lines) => lines !== '')
      .join('\n');
  const object = (fields: readonly (readonly [string, number])[]) =>
    `{ ${fields.map(([name, value]) => `${name}: ${value}`).join(', ')} }`;
  const layout = ({ name, bytes, fields }: Struct) =>
    `    ${name}: { bytes: ${bytes}, fields: ${object(fields)} },`;
  return `// Written by scripts/write-kernel-bindings.ts from the headers of kernels/; do not edit.
import type { Pointer, StructValue } from '../llama-cpp/bindings.js';

/** The number of each part's interface: another header, another number. */
export const INTERFACES = {
${joinParts(({ part, number }) => `  ${part}: ${number},`)}
} as const;

/** Constants of all parts. */
export const KERNEL_CONSTANTS = {
${joinParts(({ constants }) => constants.map(([name, value]) => `  ${name}: ${value},`).join('\n'))}
} as const;

/** Structs of each part: bytes, and where each field begins. */
export const KERNEL_STRUCTS = {
${joinParts(({ part, structs }) => (structs.length === 0 ? '' : `  ${part}: {\n${structs.map(layout).join('\n')}\n  },`))}
} as const;

/** Prototypes of each part's functions, as koffi reads them. */
export const PROTOTYPES = {
${joinParts(({ part, functions }) => `  ${part}: {\n${functions.map(({ name, prototype }) => `    ${name}: '${prototype}',`).join('\n')}\n  },`)}
} as const;

/** The same functions as TypeScript calls them. */
export interface KernelFunctions {
${joinParts(({ part, functions }) => `  ${part}: {\n${functions.map(({ signature }) => `    ${signature}`).join('\n')}\n  };`)}
}
`;
}
