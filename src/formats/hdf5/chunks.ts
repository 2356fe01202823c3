/** Arrays in chunks: blocks of equal shape, each filtered for itself, listed in a B-tree. */

import { InceptionError } from "../../errors.js";
import { formatCount } from "../../text.js";
import { rowMajorStrides } from "../element-layout.js";
import { inflate } from "../inflate.js";
import { quoted } from "../quoted.js";
import { type Cursor, type Hdf5File, hdf5Error, readStructure } from "./cursor.js";
import { FILTER, unshuffle } from "./filters.js";

/** Bytes of a chunk over bytes of the file, as for whole arrays: all of a chunk is unpacked at once. */
const MAX_EXPANSION = 8;
const MAX_TREE_DEPTH = 16;

export interface ChunkedLayout {
  readonly kind: "chunked";
  /** Where the B-tree begins; null where no chunk was written. */
  readonly tree: number | null;
  readonly chunk: readonly number[];
  readonly shape: readonly number[];
  /** Bytes of an element. */
  readonly width: number;
  readonly filters: readonly number[];
}

interface Elements {
  readonly shape: readonly number[];
  readonly width: number;
  readonly filters: readonly number[];
}

/** The rest of a layout message of version 3 whose kind is "chunked". */
export function readChunkedLayout(file: Hdf5File, cursor: Cursor, { shape, width, filters }: Elements): ChunkedLayout {
  const dimensions = cursor.u8();
  const tree = cursor.address();
  if (dimensions !== shape.length + 1)
    throw cursor.error("FILE_CORRUPT", `has chunks of ${dimensions - 1} dimensions, its shape has ${shape.length}`);
  const chunk = shape.map(() => cursor.u32());
  const stored = cursor.u32();
  const bytes = chunk.reduce((product, dim) => product * dim, width);
  const most = MAX_EXPANSION * file.source.size;
  if (stored !== width || bytes === 0)
    throw cursor.error("FILE_CORRUPT", `has chunks of ${bytes} bytes with elements of ${stored}, expected ${width}`);
  if (bytes > most)
    throw cursor.error(
      "FILE_LIMIT",
      `has chunks of ${formatCount(bytes)} bytes, the limit is ${formatCount(most)}, ${MAX_EXPANSION} times the file size`,
    );
  return { kind: "chunked", tree, chunk, shape, width, filters };
}

/** All elements in row-major order; what no chunk covers is refused, since fill values are no weights. */
export async function readChunks(file: Hdf5File, layout: ChunkedLayout, length: number): Promise<Uint8Array> {
  const out = new Uint8Array(length);
  let covered = 0;
  const visit: Visit = (bytes, start) => {
    if (start.some((at, axis) => at >= (layout.shape[axis] ?? 0) || at % (layout.chunk[axis] ?? 1) !== 0)) {
      throw hdf5Error(
        "FILE_CORRUPT",
        file.source,
        `a chunk starts at [${start.join(", ")}] of an array in chunks of [${layout.chunk.join(", ")}]`,
      );
    }
    covered += place(out, bytes, layout, start);
    if (covered > length) throw hdf5Error("FILE_CORRUPT", file.source, "two chunks cover the same part of an array");
  };
  await walk(file, layout, layout.tree, 0, visit);
  if (covered !== length) throw hdf5Error("FILE_CORRUPT", file.source, `its chunks cover ${covered} of ${length} bytes of an array`);
  return out;
}

type Visit = (bytes: Uint8Array, start: readonly number[]) => void;

async function walk(file: Hdf5File, layout: ChunkedLayout, address: number | null, depth: number, visit: Visit): Promise<void> {
  if (address === null) return;
  const { offsetBytes: o } = file;
  const rank = layout.shape.length;
  const keyBytes = 8 + 8 * (rank + 1);
  const head = await readStructure(file, address, 8 + 2 * o, "node");
  head.expect("TREE");
  const type = head.u8();
  const level = head.u8();
  const count = head.u16();
  if (type !== 1 || depth > MAX_TREE_DEPTH)
    throw head.error(
      "FILE_CORRUPT",
      `belongs to a tree of type ${type} and depth ${depth}, expected type 1 and a depth of at most ${MAX_TREE_DEPTH}`,
    );
  const node = await readStructure(file, address + 8 + 2 * o, count * (keyBytes + o), "node");
  for (let i = 0; i < count; i++) {
    const packed = node.u32();
    const mask = node.u32();
    const start = layout.shape.map(() => node.number(8));
    node.skip(8);
    const child = node.place();
    if (level > 0) await walk(file, layout, child, depth + 1, visit);
    else visit(await readChunk(file, layout, child, packed, mask), start);
  }
}

async function readChunk(file: Hdf5File, layout: ChunkedLayout, offset: number, packed: number, mask: number): Promise<Uint8Array> {
  const size = layout.chunk.reduce((product, dim) => product * dim, layout.width);
  // Through the caps of structures: chunks that are listed again and again would be read without end.
  let { bytes } = await readStructure(file, offset, packed, "chunk");
  for (const [index, filter] of [...layout.filters.entries()].toReversed()) {
    if ((mask & (1 << index)) !== 0) continue;
    bytes = filter === FILTER.deflate ? inflate(bytes, size, "zlib", chunkPlace(file, offset)) : unshuffle(bytes, layout.width);
  }
  if (bytes.length !== size) {
    throw new InceptionError(
      "FILE_CORRUPT",
      `Cannot decode ${chunkPlace(file, offset)}: it contains ${bytes.length} bytes, expected ${size}`,
    );
  }
  return bytes;
}

function chunkPlace(file: Hdf5File, offset: number): string {
  return `the chunk at byte ${offset} of ${quoted(file.source.name)}`;
}

/** Copy the part of a chunk that is inside the array, row by row; the number of bytes copied. */
function place(out: Uint8Array, bytes: Uint8Array, { chunk, shape, width }: ChunkedLayout, start: readonly number[]): number {
  const sizes = shape.map((dim, axis) => Math.max(0, Math.min(chunk[axis] ?? 0, dim - (start[axis] ?? 0))));
  const rows = sizes.slice(0, -1).reduce((product, dim) => product * dim, 1);
  const rowBytes = (sizes.at(-1) ?? 1) * width;
  const [from, to] = [rowMajorStrides(chunk), rowMajorStrides(shape)];
  for (let row = 0; row < rows; row++) {
    let rest = row;
    let source = 0;
    let target = start.at(-1) ?? 0;
    for (let axis = sizes.length - 2; axis >= 0; axis--) {
      const index = rest % (sizes[axis] ?? 1);
      rest = Math.floor(rest / (sizes[axis] ?? 1));
      source += index * (from[axis] ?? 0);
      target += (index + (start[axis] ?? 0)) * (to[axis] ?? 0);
    }
    out.set(bytes.subarray(source * width, source * width + rowBytes), target * width);
  }
  return rows * rowBytes;
}
