import { diagnoseHere } from './diagnose.js';

/** Child of diagnoseEngines: answers once and exits. */
const diagnoses = await diagnoseHere();
process.send?.(diagnoses, () => process.exit(0));
