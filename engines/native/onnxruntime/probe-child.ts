import { answerHere, type ProbeQuestion } from './probe.js';

/** Child of probeProviders: answers once and exits. */
process.once('message', async (question) => {
  const answer = await answerHere(question as ProbeQuestion);
  process.send?.(answer, () => process.exit(0));
});
