import { closeSync, openSync, readSync } from 'node:fs';

const ELF_MAGIC = 0x464c457f;
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const DT_NEEDED = 1n;
const DT_STRTAB = 5n;
const DT_STRSZ = 10n;

/**
 * Reads the shared libraries that a library needs (DT_NEEDED), without loading it. 64-bit little-endian
 * ELF, as the System V ABI lays it out.
 * @returns their names, or null when the file is something else.
 */
export function neededLibraries(path: string): string[] | null {
  const file = openSync(path, 'r');
  const viewOf = (offset: number, length: number): DataView => {
    const bytes = Buffer.alloc(length);
    readSync(file, bytes, 0, length, offset);
    return new DataView(bytes.buffer, bytes.byteOffset, length);
  };
  try {
    const header = viewOf(0, 64);
    // Class 2 is 64-bit, data 1 is little-endian.
    if (header.getUint32(0, true) !== ELF_MAGIC || header.getUint8(4) !== 2 || header.getUint8(5) !== 1)
      return null;
    const segmentSize = header.getUint16(54, true);
    const count = header.getUint16(56, true);
    const table = viewOf(Number(header.getBigUint64(32, true)), segmentSize * count);
    const segments = Array.from({ length: count }, (_, i) => ({
      type: table.getUint32(i * segmentSize, true),
      offset: Number(table.getBigUint64(i * segmentSize + 8, true)),
      address: Number(table.getBigUint64(i * segmentSize + 16, true)),
      size: Number(table.getBigUint64(i * segmentSize + 32, true)),
    }));
    const dynamic = segments.find(({ type }) => type === PT_DYNAMIC);
    if (!dynamic) return [];
    const entries = viewOf(dynamic.offset, dynamic.size);
    const tags = Array.from({ length: Math.floor(dynamic.size / 16) }, (_, i) => ({
      tag: entries.getBigInt64(i * 16, true),
      value: Number(entries.getBigUint64(i * 16 + 8, true)),
    }));
    const address = tags.find(({ tag }) => tag === DT_STRTAB)?.value ?? 0;
    const length = tags.find(({ tag }) => tag === DT_STRSZ)?.value ?? 0;
    // The string table is named by its address in memory; the segment that holds it says where in the file.
    const home = segments.find(
      (s) => s.type === PT_LOAD && address >= s.address && address < s.address + s.size,
    );
    if (!home) return [];
    const strings = Buffer.from(viewOf(home.offset + address - home.address, length).buffer, 0, length);
    return tags
      .filter(({ tag }) => tag === DT_NEEDED)
      .map(({ value }) => strings.toString('latin1', value, strings.indexOf(0, value)));
  } finally {
    closeSync(file);
  }
}
