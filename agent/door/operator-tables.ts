// What commands ask of this room of tables of measured operators.
export { devicesIn, readTables } from '../factors/operator-tables.js';
