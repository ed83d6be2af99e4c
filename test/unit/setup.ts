import fc from 'fast-check';
import { cases } from '../support/cases.js';

// Properties that name no number of cases of their own.
fc.configureGlobal({ numRuns: cases(100) });
