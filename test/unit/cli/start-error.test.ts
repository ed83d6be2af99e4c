import { expect, test } from 'vitest';
import { startError } from '../../../cli/start-error.js';
import { bindError } from '../../../proto/bind-error.js';

test('a port in use is no usage error, and says what to do', () => {
  const busy = Object.assign(new Error('listen EADDRINUSE'), { code: 'EADDRINUSE' });
  expect(startError(bindError('127.0.0.1:1', busy))).toMatchObject({
    exitCode: 1,
    message: '127.0.0.1:1 is in use already',
    hint: 'Stop what listens there, or choose another address.',
  });
  const elsewhere = Object.assign(new Error('bind EADDRNOTAVAIL'), { code: 'EADDRNOTAVAIL' });
  expect(startError(bindError('10.1.2.3:1', elsewhere))).toMatchObject({ exitCode: 2 });
});
