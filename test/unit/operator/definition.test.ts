import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { accessOfPod, findAccess } from '../../../operator/kubernetes/access.js';
import { readSettings, securityIn } from '../../../operator/settings.js';
import { sweepDefinition } from '../../../operator/sweep/crd.js';
import { readObject } from '../../../operator/sweep/reading.js';
import { type Schema, structural } from '../../../operator/sweep/structural.js';
import { sharedFolder } from '../../support/folder.js';
import { anObject, SWEEP } from './world.js';

/** @returns what is against the rules of structural schemas, each with its place. */
function offences(schema: Schema, path = ''): string[] {
  const own = Object.keys(schema).filter((key) =>
    ['$ref', 'anyOf', 'oneOf', 'const', 'propertyNames'].includes(key),
  );
  const untyped = schema.type === undefined && schema['x-kubernetes-preserve-unknown-fields'] !== true;
  const children = [
    ...Object.entries((schema.properties ?? {}) as Record<string, Schema>),
    ...(schema.items === undefined ? [] : [['[]', schema.items as Schema] as const]),
    ...(schema.additionalProperties === undefined
      ? []
      : [['{}', schema.additionalProperties as Schema] as const]),
  ];
  return [
    ...own.map((key) => `${path}: ${key}`),
    ...(untyped ? [`${path}: no type`] : []),
    ...children.flatMap(([name, child]) => offences(child, `${path}.${name}`)),
  ];
}

/** @returns the fields that say nothing of themselves, each with its place. */
function undescribed(schema: Schema, path = ''): string[] {
  const fields = Object.entries((schema.properties ?? {}) as Record<string, Schema>);
  const inside = [schema.items, schema.additionalProperties].filter((part) => typeof part === 'object');
  return [
    ...fields.flatMap(([name, field]) => [
      ...(field.description === undefined ? [`${path}.${name}`] : []),
      ...undescribed(field, `${path}.${name}`),
    ]),
    ...inside.flatMap((part) => undescribed(part as Schema, `${path}[]`)),
  ];
}

describe('the kind', () => {
  // biome-ignore lint/suspicious/noExplicitAny: the shape of a CustomResourceDefinition.
  const definition = sweepDefinition() as any;
  const schema = definition.spec.versions[0].schema.openAPIV3Schema;

  test('has a structural schema, small enough to be applied', () => {
    expect(offences(schema)).toEqual([]);
    expect(JSON.stringify(definition).length).toBeLessThan(200_000);
  });

  test('describes every field, for `kubectl explain`', () => {
    // The API server describes an object's metadata itself.
    expect(undescribed(schema)).toEqual(['.metadata']);
  });

  test('knows what the sweep file has, and prunes nothing of it', () => {
    const sweep = schema.properties.spec.properties.sweep;
    expect(sweep.properties.spec.properties.placement.properties.retries).toMatchObject({
      type: 'integer',
      maximum: 100,
    });
    expect(sweep['x-kubernetes-preserve-unknown-fields']).toBe(true);
    expect(schema.properties.spec['x-kubernetes-preserve-unknown-fields']).toBeUndefined();
  });

  test('says of values of several types that any is one, and of null that it may be', () => {
    const whole = { $defs: { one: { type: 'string', const: 'a' } } };
    const of = (part: Schema) => structural(part, whole);
    expect(of({ anyOf: [{ $ref: '#/$defs/one' }, { type: 'array', items: {} }], description: 'x' })).toEqual({
      description: 'x',
      'x-kubernetes-preserve-unknown-fields': true,
    });
    expect(of({ anyOf: [{ $ref: '#/$defs/one' }, { type: 'null' }] })).toEqual({
      type: 'string',
      enum: ['a'],
      nullable: true,
    });
    expect(of({ type: 'number', exclusiveMinimum: 0 })).toEqual({
      type: 'number',
      minimum: 0,
      exclusiveMinimum: true,
    });
  });
});

describe('an object', () => {
  test('is the same sweep in whichever order its keys stand, and is named after itself', () => {
    const [first, other] = [SWEEP, { spec: SWEEP.spec, metadata: SWEEP.metadata }].map((sweep) =>
      readObject(anObject({ sweep })),
    );
    expect(first).toMatchObject({ ok: true });
    expect(first?.ok && other?.ok && first.sweepId === other.sweepId).toBe(true);
    const nameless = readObject(anObject({ sweep: { spec: SWEEP.spec } }, { name: 'by-object' }));
    expect(nameless.ok && JSON.parse(nameless.document).metadata.name).toBe('by-object');
  });

  test('whose own fields are wrong says each', () => {
    const reading = readObject(anObject({ agents: { replicas: -1 }, cancl: true }));
    expect(reading.ok ? [] : reading.sentences.join('\n')).toMatch(/spec\.agents\.replicas: [\s\S]*cancl/);
  });
});

test('an object that is nested thousands deep is refused, and ends nothing', () => {
  let deep: unknown = 'x';
  for (let i = 0; i < 20_000; i++) deep = [deep];
  const reading = readObject(anObject({ sweep: { ...SWEEP, spec: { ...SWEEP.spec, models: deep } } }));
  expect(reading).toEqual({ ok: false, sentences: ['spec.sweep: it is nested too deeply'] });
});

describe('how the API server and the coordinator are found', () => {
  const folder = sharedFolder();
  const file = (name: string, content: string) => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  test('by a kubeconfig, by the account of a pod; what is missing is one sentence', () => {
    file('token', 'secret\n');
    file('namespace', 'lab');
    file('ca.crt', 'PEM');
    const pod = accessOfPod({ KUBERNETES_SERVICE_HOST: '10.0.0.1' }, folder);
    expect([pod.server.href, pod.token(), pod.namespace]).toEqual(['https://10.0.0.1/', 'secret', 'lab']);
    file('token', 'renewed');
    expect(pod.token()).toBe('renewed');
    const config = (user: object) =>
      file(
        'config',
        JSON.stringify({
          'current-context': 'a',
          contexts: [{ name: 'a', context: { cluster: 'c', user: 'u' } }],
          clusters: [
            { name: 'c', cluster: { server: 'https://api:6443', 'certificate-authority': 'ca.crt' } },
          ],
          users: [{ name: 'u', user }],
        }),
      );
    expect(findAccess(config({ token: 't' })).token()).toBe('t');
    expect(() => findAccess(config({ exec: { command: 'aws' } }))).toThrow(
      'neither a token nor a certificate',
    );
    expect(() => findAccess(join(folder, 'none'))).toThrow('cannot read');
    expect(() => securityIn(folder)).not.toThrow();
    expect(securityIn(folder)).toMatchObject({ kind: 'token', token: 'renewed' });
    const spaced = { coordinatorNamespaces: { lab: 'Team A' } };
    expect(() => readSettings(undefined, spaced)).toThrow('configuration is wrong');
    expect(() => readSettings(undefined, { pollSeconds: -1 })).toThrow('configuration is wrong');
    expect(() => readSettings(file('bad.yaml', 'coordinatr: a'), {})).toThrow();
  });
});
