// Loaded into the process under attack: collects garbage all the time, so that what is held weakly is gone
// when it is wanted.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
setInterval(runInNewContext('gc'), 400).unref();
