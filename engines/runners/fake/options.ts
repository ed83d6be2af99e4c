import type { z } from 'zod';
import { failed } from '../../../core/errors.js';
import type { Options } from '../../../core/experiment/experiment.js';
import { fake } from '../../../core/runners/fake.js';

export type FakeOptions = z.infer<typeof fake.options>;

/** @returns the fake runner's options, defaults filled in. @throws FailureError `impossible-combination` for a value that its description does not allow. */
export function fakeOptions(options: Options): FakeOptions {
  const read = fake.options.safeParse(options);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  throw failed('impossible-combination', `${issue!.path.join('.')}: ${issue!.message}`);
}
