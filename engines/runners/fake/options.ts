import type { OptionsOf } from '../../../core/experiment/options.js';
import type { fake } from '../../../core/runners/fake.js';

export type FakeOptions = OptionsOf<typeof fake>;
