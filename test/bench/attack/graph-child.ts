/**
 * Runs a graph whose pattern takes for ever on an answer: `graph-child.ts FOLDER PATTERN ANSWER`. Prints as
 * JSON how its application ended.
 */
import { applicationsEnded } from '../../support/graph-run.js';

const [folder = '', regex = '', answer = ''] = process.argv.slice(2);
console.log(JSON.stringify(await applicationsEnded(folder, { regex }, [answer])));
