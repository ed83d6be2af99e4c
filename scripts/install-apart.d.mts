export function installApart(folder: string, what: string): void;
