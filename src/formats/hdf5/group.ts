/** What a group holds: by symbol tables (a B-tree of nodes and a heap of names) or by link messages. */
import { type Cursor, type Hdf5File, hdf5Error, readStructure } from "./cursor.js";
import { MESSAGE, type Message } from "./object.js";

/** A tree of height 16 with two children each has 65,536 leaves. */
const MAX_TREE_DEPTH = 16;
/** Members of one group: layers of a network, weights of a layer. */
const MAX_MEMBERS = 65_536;
/** Bytes of a name; the longest in use are near 120. */
const MAX_NAME_BYTES = 1024;
const SOFT_LINK_ENTRY = 2;
const HARD_LINK = 0;
/** The T of TREE; the other nodes begin with SNOD. */
const TREE_FIRST_BYTE = 0x54;

/** A member of a group: its name and where its object header is. */
interface Member {
  readonly name: string;
  readonly address: number;
}

/**
 * The members of a group, or null where the messages are of no group.
 *
 * Links to other places by path, in this or another file, are refused: following them is how files read other files.
 */
export async function readMembers(file: Hdf5File, messages: readonly Message[]): Promise<readonly Member[] | null> {
  const table = messages.find(({ type }) => type === MESSAGE.symbolTable);
  if (table !== undefined) return readSymbolTable(file, table.body);
  const info = messages.find(({ type }) => type === MESSAGE.linkInfo);
  if (info === undefined) return null;
  refuseDenseLinks(info.body);
  return messages.filter(({ type }) => type === MESSAGE.link).map(({ body }) => readLink(body));
}

async function readSymbolTable(file: Hdf5File, body: Cursor): Promise<readonly Member[]> {
  const tree = body.place();
  const heap = await readHeap(file, body.place());
  const members: Member[] = [];
  for (const node of await readLeaves(file, tree, 0)) {
    const cursor = await readNode(file, node);
    cursor.expect("SNOD");
    cursor.expectVersion(1);
    cursor.skip(1);
    const count = cursor.u16();
    for (let i = 0; i < count; i++) members.push(readEntry(cursor, heap));
    if (members.length > MAX_MEMBERS) throw hdf5Error("FILE_LIMIT", file.source, `a group has more than ${MAX_MEMBERS} members`);
  }
  return members;
}

/** A node of a tree or of symbols, as long as the number of its entries says. Both have it in the same place. */
async function readNode(file: Hdf5File, address: number): Promise<Cursor> {
  const start = await readStructure(file, address, Math.min(8, Math.max(0, file.source.size - address)), "node");
  start.skip(6);
  const count = start.u16();
  const isTree = start.bytes[0] === TREE_FIRST_BYTE;
  const { offsetBytes: o, lengthBytes: l } = file;
  const bytes = isTree ? 8 + 2 * o + count * (o + l) + l : 8 + count * (2 * o + 24);
  return readStructure(file, address, bytes, "node");
}

/** The addresses of the leaves of a group's B-tree, left to right. */
async function readLeaves(file: Hdf5File, address: number, depth: number): Promise<readonly number[]> {
  const cursor = await readNode(file, address);
  if (depth > MAX_TREE_DEPTH) throw cursor.error("FILE_LIMIT", `is ${depth} levels deep, the limit is ${MAX_TREE_DEPTH}`);
  cursor.expect("TREE");
  const type = cursor.u8();
  const level = cursor.u8();
  const count = cursor.u16();
  if (type !== 0) throw cursor.error("FILE_CORRUPT", `belongs to a tree of type ${type}, expected 0 for a group`);
  cursor.address();
  cursor.address();
  const children: number[] = [];
  for (let i = 0; i < count; i++) {
    cursor.length();
    children.push(cursor.place());
  }
  if (level === 0) return children;
  const leaves: number[] = [];
  for (const child of children) leaves.push(...(await readLeaves(file, child, depth + 1)));
  return leaves;
}

async function readHeap(file: Hdf5File, address: number): Promise<Uint8Array> {
  const head = await readStructure(file, address, 8 + 2 * file.lengthBytes + file.offsetBytes, "heap");
  head.expect("HEAP");
  head.expectVersion(0);
  head.skip(3);
  const bytes = head.length();
  head.length();
  return (await readStructure(file, head.place(), bytes, "heap")).bytes;
}

function readEntry(cursor: Cursor, heap: Uint8Array): Member {
  const nameOffset = cursor.place();
  // A symbolic link has no address; what it is, is in its cache type.
  const address = cursor.address();
  const cacheType = cursor.u32();
  cursor.skip(20);
  const end = heap.indexOf(0, nameOffset);
  if (end <= nameOffset || end - nameOffset > MAX_NAME_BYTES) {
    throw cursor.error(
      "FILE_CORRUPT",
      `has a name at byte ${nameOffset} of a heap of ${heap.byteLength}, expected 1 to ${MAX_NAME_BYTES} bytes and a 0`,
    );
  }
  const name = decodeName(cursor, heap.subarray(nameOffset, end));
  if (cacheType === SOFT_LINK_ENTRY || address === null) throw linkError(cursor);
  return { name, address };
}

/** A link message: version, flags, optional kind, order and character set, the name with its length, the address. */
function readLink(cursor: Cursor): Member {
  cursor.expectVersion(1);
  const flags = cursor.u8();
  const kind = (flags & 0x08) === 0 ? HARD_LINK : cursor.u8();
  if ((flags & 0x04) !== 0) cursor.skip(8);
  if ((flags & 0x10) !== 0) cursor.skip(1);
  const length = cursor.number(2 ** (flags & 3));
  if (length === 0 || length > MAX_NAME_BYTES)
    throw cursor.error("FILE_CORRUPT", `has a name of ${length} bytes, expected 1 to ${MAX_NAME_BYTES}`);
  const name = decodeName(cursor, cursor.take(length));
  if (kind !== HARD_LINK) throw linkError(cursor);
  return { name, address: cursor.place() };
}

/** Groups of many members written with `libver="latest"` keep their links in a heap of another kind. */
function refuseDenseLinks(cursor: Cursor): void {
  cursor.expectVersion(0);
  const flags = cursor.u8();
  if ((flags & 0x01) !== 0) cursor.skip(8);
  if (cursor.address() === null) return;
  throw cursor.error(
    "FILE_UNSUPPORTED",
    'belongs to a group with a fractal heap (libver="latest" or track_order), which is not supported; save with the defaults of h5py',
  );
}

function linkError(cursor: Cursor) {
  return cursor.error("FILE_UNSUPPORTED", "is a symbolic or external link, which is not supported");
}

function decodeName(cursor: Cursor, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw cursor.error("FILE_CORRUPT", "has a name that is not UTF-8");
  }
}
