/** @returns nanoseconds of the machine's monotonic clock, which all processes share and nobody sets. */
export const clock = (): number => Number(process.hrtime.bigint());
