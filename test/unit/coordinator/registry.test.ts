import { expect, test } from 'vitest';
import { Registry, type Session } from '../../../coordinator/registry/registry.js';
import { aNode } from '../../support/wire-records.js';

function session(instance: string, stream: number): Session & { closed: string[] } {
  const closed: string[] = [];
  return {
    node: 'node-a',
    caller: 'agent',
    instance,
    stream,
    closed,
    refusal: () => null,
    push: () => {},
    close: (reason) => void closed.push(reason),
  };
}

test('a stream that arrives behind a later one of its agent does not take its place, also after the streams were cleared', () => {
  const registry = new Registry();
  const attach = (one: Session) => registry.attach(aNode('node-a'), one, '');
  const [first, late, second, third] = [1, 2, 3, 4].map((stream) => session('i', stream));
  attach(first!);
  attach(second!);
  expect(first!.closed).toEqual(['the agent has opened a new stream']);
  const sentence = 'Node "node-a" has opened a later stream than this one.';
  expect(() => attach(late!)).toThrow(sentence);
  expect(registry.session('node-a')).toBe(second);
  registry.clear('another leads');
  expect(() => attach(late!)).toThrow(sentence);
  attach(third!);
  registry.detach(third!, '');
  // Another run of the agent counts from the beginning.
  attach(session('another', 1));
});
