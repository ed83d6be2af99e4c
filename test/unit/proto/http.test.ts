import { expect, test } from 'vitest';
import { quote } from '../../../core/quote.js';
import { toServiceError, WireError } from '../../../proto/errors.js';
import { openHttp } from '../../../proto/http/server.js';

test('a route that names no scope cannot be registered', async () => {
  const { app } = openHttp('127.0.0.1:0', { kind: 'plaintext' });
  const answer = async () => 'data';
  expect(() => app.get('/open', answer)).toThrow('The route /open names no scope that opens it');
  expect(() => app.get('/empty', { config: {} }, answer)).toThrow(/names no scope/);
  app.get('/named', { config: { access: 'read' } }, answer);
  await app.register(async (inner) => {
    expect(() => inner.get('/inner', answer)).toThrow(/\/inner names no scope/);
  });
  await app.close();
});

test('what somebody sent is repeated in quotes, cut, and without what a terminal acts on', () => {
  expect(quote('s1')).toBe('"s1"');
  expect(quote('x'.repeat(80))).toBe(`"${'x'.repeat(80)}"`);
  expect(quote('x'.repeat(81))).toBe(`"${'x'.repeat(80)}…" (81 characters)`);
  expect(quote('a\u001b[31m\nb\u202e')).toBe('"a?[31m?b?"');
  // Half a character is none.
  expect(quote(`${'x'.repeat(79)}😀`)).toBe(`"${'x'.repeat(79)}?…" (81 characters)`);
});

test('an error that goes over the wire is short, whatever it repeats', () => {
  for (const error of [new WireError('invalid', 'x'.repeat(1e6)), new Error('x'.repeat(1e6))]) {
    expect(toServiceError(error).details).toBe(`${'x'.repeat(1_000)}…`);
  }
});
