/**
 * Hand-made weight files for tests: a pickler that writes whatever it is told, and zips whose every field can lie.
 * Nothing here is checked; that is the point.
 */

const text = new TextEncoder();

export function concat(...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

export function u16(value: number): number[] {
  return [value & 0xff, (value >>> 8) & 0xff];
}

export function u32(value: number): number[] {
  return [...u16(value & 0xffff), ...u16(value >>> 16)];
}

export function u64(value: number | bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true);
  return bytes;
}

/** Bytes of opcodes, given as they are. */
class Raw {
  constructor(readonly bytes: Uint8Array) {}
}

function encode(value: unknown): Uint8Array {
  if (value instanceof Raw) return value.bytes;
  if (value === null) return concat([0x4e]);
  if (typeof value === "boolean") return concat([value ? 0x88 : 0x89]);
  if (typeof value === "number") return concat([0x4a], u32(value));
  if (typeof value === "string") return concat([0x58], u32(text.encode(value).length), text.encode(value));
  if (Array.isArray(value)) return concat([0x28], ...value.map(encode), [0x74]);
  const entries = value instanceof Map ? [...value] : Object.entries(value ?? {});
  return concat([0x7d, 0x28], ...entries.flatMap(([key, item]) => [encode(key), encode(item)]), [0x75]);
}

export const pickle = {
  /** A whole protocol 2 pickle of plain values: null, booleans, 32-bit integers, strings, arrays (as tuples), Maps and objects (as dicts). */
  dump: (value: unknown) => concat([0x80, 2], encode(value), [0x2e]),
  /** A pickle of these opcodes, given as bytes or text. */
  raw: (...parts: readonly (Uint8Array | readonly number[] | string)[]) =>
    concat(...parts.map((part) => (typeof part === "string" ? text.encode(part) : part))),
  /** GLOBAL, arguments, REDUCE. */
  call: (module: string, name: string, args: readonly unknown[]) =>
    new Raw(concat(text.encode(`c${module}\n${name}\n`), encode(args), [0x52])),
  global: (module: string, name: string) => new Raw(text.encode(`c${module}\n${name}\n`)),
  /** Keep a value under a memo number, and recall it. */
  put: (value: unknown, memo: number) => new Raw(concat(encode(value), [0x71, memo])),
  get: (memo: number) => new Raw(concat([0x68, memo])),
  persistent: (id: unknown) => new Raw(concat(encode(id), [0x51])),
};

/** What torch.save writes in place of a storage. */
export function storageId(type: string, key: string, count: number) {
  return pickle.persistent(["storage", pickle.global("torch", type), key, "cpu", count]);
}

export interface ZipPart {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly method?: number;
  /** Declared instead of the true ones, where given. */
  readonly size?: number;
  readonly packedSize?: number;
  readonly headerOffset?: number;
  readonly localName?: string;
  readonly flags?: number;
}

export interface ZipLies {
  readonly entries?: number;
  readonly directoryOffset?: number;
  readonly directoryBytes?: number;
}

/** A zip of stored entries, as far as its parts and lies do not say otherwise. */
export function zipFile(parts: readonly ZipPart[], lies: ZipLies = {}): Uint8Array {
  const locals: Uint8Array[] = [];
  const centrals: Uint8Array[] = [];
  let at = 0;
  for (const part of parts) {
    const name = text.encode(part.name);
    const localName = text.encode(part.localName ?? part.name);
    const [size, packed] = [part.size ?? part.bytes.length, part.packedSize ?? part.bytes.length];
    const common = [...u16(part.flags ?? 0x0800), ...u16(part.method ?? 0), ...u32(0), ...u32(0), ...u32(packed), ...u32(size)];
    const local = concat(u32(0x04034b50), u16(20), common, u16(localName.length), u16(0), localName, part.bytes);
    const offset = u32(part.headerOffset ?? at);
    centrals.push(
      concat(u32(0x02014b50), u16(20), u16(20), common, u16(name.length), u16(0), u16(0), u16(0), u16(0), u32(0), offset, name),
    );
    locals.push(local);
    at += local.length;
  }
  const directory = concat(...centrals);
  const count = u16(lies.entries ?? parts.length);
  const end = concat(
    u32(0x06054b50),
    u16(0),
    u16(0),
    count,
    count,
    u32(lies.directoryBytes ?? directory.length),
    u32(lies.directoryOffset ?? at),
    u16(0),
  );
  return concat(...locals, directory, end);
}

/** A torch.save zip of this pickle and these storages. */
export function zipCheckpoint(
  pickled: Uint8Array,
  storages: Readonly<Record<string, Uint8Array>>,
  more: Readonly<Record<string, Uint8Array>> = {},
): Uint8Array {
  return zipFile([
    { name: "x/data.pkl", bytes: pickled },
    ...Object.entries(storages).map(([key, bytes]) => ({ name: `x/data/${key}`, bytes })),
    ...Object.entries(more).map(([name, bytes]) => ({ name: `x/${name}`, bytes })),
  ]);
}

/** The three pickles that every legacy file starts with. */
export const LEGACY_HEAD = concat(
  [0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e],
  [0x80, 2, 0x4d, 0xe9, 0x03, 0x2e],
  pickle.dump({ protocol_version: 1001, little_endian: true }),
);

/** A legacy torch.save file of this pickle and these storages: key, stated element count, bytes. */
export function legacyFile(pickled: Uint8Array, storages: readonly (readonly [string, number | bigint, Uint8Array])[]): Uint8Array {
  const keys = pickle.dump(storages.map(([key]) => key));
  return concat(LEGACY_HEAD, pickled, keys, ...storages.flatMap(([, count, bytes]) => [u64(count), bytes]));
}
