/** A JSON Schema, or a part of one. */
export type Schema = { readonly [key: string]: unknown };

const KEPT = [
  'description',
  'type',
  'enum',
  'format',
  'pattern',
  'minLength',
  'maxLength',
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'minItems',
  'maxItems',
  'minProperties',
  'maxProperties',
  'required',
  'default',
  'x-kubernetes-validations',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
];
/** What has no one type: kept as it comes, and judged by whoever reads it. */
const ANY = { 'x-kubernetes-preserve-unknown-fields': true };

/**
 * Makes a structural schema of a JSON Schema, as CustomResourceDefinitions want them (references resolved,
 * one type everywhere). Fields that are not known are kept and not pruned: the API server would drop a
 * mistyped key without a word, and the parser says what was meant. What may be one value or a list, or values
 * of several types, has no type there, so that the parser alone judges it.
 * @param whole where `$ref` points into.
 * @param keep defaults too, and prune what is unknown: for fields that are the API server's to judge.
 */
export function structural(schema: Schema, whole: Schema, keep = false): Schema {
  const one = resolved(schema, whole);
  const variants = (one.anyOf ?? one.oneOf) as readonly Schema[] | undefined;
  if (variants !== undefined) return { ...described(one), ...oneOf(variants, whole, keep) };
  if (one.type === undefined && one.const === undefined && one.enum === undefined)
    return { ...described(one), ...ANY };
  const made: Record<string, unknown> = {};
  for (const key of KEPT) if (one[key] !== undefined && (keep || key !== 'default')) made[key] = one[key];
  if (one.const !== undefined) made.enum = [one.const];
  made.type ??= typeof one.const;
  // OpenAPI v3.0 has them as signs of the bound.
  for (const [bound, sign] of [
    ['minimum', 'exclusiveMinimum'],
    ['maximum', 'exclusiveMaximum'],
  ] as const) {
    if (typeof made[sign] !== 'number') continue;
    made[bound] = made[sign];
    made[sign] = true;
  }
  if (made.type === 'integer') {
    // What JavaScript counts to is no bound of ours.
    if (made.minimum === Number.MIN_SAFE_INTEGER) delete made.minimum;
    if (made.maximum === Number.MAX_SAFE_INTEGER) delete made.maximum;
    made.format = 'int64';
  }
  if (made.type === 'array') made.items = item((one.items ?? {}) as Schema, whole, keep);
  if (made.type === 'object') Object.assign(made, fields(one, whole, keep));
  return made;
}

/**
 * An entry may name a hundred axes. Only those that have a type are described: the others are kept anyway,
 * and every list would repeat them.
 */
function item(schema: Schema, whole: Schema, keep: boolean): Schema {
  const made = structural(schema, whole, keep);
  if (keep || made.properties === undefined) return made;
  const properties = Object.entries(made.properties as Record<string, Schema>);
  return { ...made, properties: Object.fromEntries(properties.filter(([, { type }]) => type !== undefined)) };
}

function fields(one: Schema, whole: Schema, keep: boolean): Schema {
  const more = one.additionalProperties;
  const properties = Object.entries((one.properties ?? {}) as Record<string, Schema>);
  if (properties.length > 0) {
    const known = Object.fromEntries(
      properties.map(([name, field]) => [name, structural(field, whole, keep)]),
    );
    return { properties: known, ...(!(keep && more === false) && ANY) };
  }
  const typed = typeof more === 'object' && more !== null && Object.keys(more).length > 0;
  return typed ? { additionalProperties: structural(more as Schema, whole, keep) } : ANY;
}

function oneOf(variants: readonly Schema[], whole: Schema, keep: boolean): Schema {
  const isNull = (variant: Schema) => variant.type === 'null';
  const rest = variants.map((variant) => resolved(variant, whole)).filter((variant) => !isNull(variant));
  const nullable = rest.length < variants.length ? { nullable: true } : {};
  const [only] = rest;
  return rest.length === 1 && only !== undefined
    ? { ...structural(only, whole, keep), ...nullable }
    : { ...ANY, ...nullable };
}

function resolved(schema: Schema, whole: Schema): Schema {
  if (typeof schema.$ref !== 'string') return schema;
  const place = schema.$ref.replace(/^#\//, '').split('/');
  const found = place.reduce<unknown>((at, key) => (at as Schema)[key], whole) as Schema;
  const { $ref: _, ...beside } = schema;
  return { ...resolved(found, whole), ...beside };
}

const described = ({ description }: Schema): Schema => (description === undefined ? {} : { description });
