/**
 * The file of an index: one Parquet file with a row for each image (path, sha256, label, embedding) that pandas, DuckDB and pyarrow
 * read, and the origin of the vectors as JSON under the key `inceptionkit.index` of its metadata (docs/decisions/0014).
 *
 * The library writes and parses metadata and page headers. Pages of this one schema are decoded here, since a file may be untrusted
 * and the library takes counts in pages and runs as they are: a file of 100 bytes could claim 2³¹ values.
 */
import { type FileMetaData, parquetMetadata, type SchemaElement } from "hyparquet";
import { parquetHeader } from "hyparquet/src/column.js";
import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import { InceptionError, messageOf } from "../errors.js";
import type { ByteSource } from "../formats/byte-source.js";
import { at } from "../tensor/at.js";
import { decodeIndexHeader, encodeIndexHeader, type IndexHeader } from "./index-header.js";

/** An indexed image. */
export interface IndexEntry {
  /** Of a file relative to the indexed directory, with `/` between names. */
  readonly path: string;
  /** Of the encoded file, lower-case hexadecimal; of pixels that have no file, of their bytes. */
  readonly sha256: string;
  /** Null where it is not known. */
  readonly label: string | null;
}

export interface IndexRow extends IndexEntry {
  readonly embedding: Float32Array;
}

/** An opened file; rows are read by groups. */
export interface IndexFile {
  readonly header: IndexHeader;
  /** Rows of the file. */
  readonly size: number;
  /** Rows of each group. */
  readonly groups: readonly number[];
  /** Images of a group, without their vectors. */
  readonly readEntries: (group: number) => Promise<readonly IndexEntry[]>;
  /** Vectors of a group, [rows, dimension]. */
  readonly readVectors: (group: number) => Promise<Float32Array>;
}

const KEY = "inceptionkit.index";

const TEXT = { type: "BYTE_ARRAY", converted_type: "UTF8", logical_type: { type: "STRING" } } as const;
const SCHEMA: SchemaElement[] = [
  { name: "index", num_children: 4 },
  { name: "path", ...TEXT, repetition_type: "REQUIRED" },
  { name: "sha256", ...TEXT, repetition_type: "REQUIRED" },
  { name: "label", ...TEXT, repetition_type: "OPTIONAL" },
  { name: "embedding", converted_type: "LIST", logical_type: { type: "LIST" }, repetition_type: "REQUIRED", num_children: 1 },
  { name: "list", repetition_type: "REPEATED", num_children: 1 },
  { name: "element", type: "FLOAT", repetition_type: "REQUIRED" },
];

/** Values of a row group, 2 MiB: what the writer keeps of them takes ten times as much. */
const GROUP_VALUES = 2 ** 19;
/** A directory of metadata has 500 bytes for each group of 1,024 vectors of 512. */
const MAX_FOOTER_BYTES = 2 ** 25;
/** A page header has 60 bytes. */
const MAX_PAGE_HEADER_BYTES = 1024;
/** Bytes of one column in one group: 2 MiB of vectors, or paths of the longest kind. */
const MAX_COLUMN_BYTES = 2 ** 27;

/** Rows of a group of such vectors. */
export function groupRows(dimension: number): number {
  return Math.min(1024, Math.max(1, Math.floor(GROUP_VALUES / dimension)));
}

/**
 * The chunks of an index file. Rows are taken as they come, and one group of them is in memory.
 *
 * @param rows - their vectors have the header's dimension
 */
export async function* encodeIndex(header: IndexHeader, rows: AsyncIterable<IndexRow>): AsyncGenerator<Uint8Array, void> {
  const bytes = new ByteWriter();
  const take = (): Uint8Array => {
    const chunk = bytes.getBytes().slice();
    bytes.index = 0;
    return chunk;
  };
  const kvMetadata = [{ key: KEY, value: encodeIndexHeader(header) }];
  const writer = new ParquetWriter({
    writer: bytes,
    schema: SCHEMA,
    codec: "UNCOMPRESSED",
    statistics: false,
    kvMetadata,
    createdBy: "inceptionkit",
  });
  const size = groupRows(header.dimension);
  let group: IndexRow[] = [];
  const write = async (): Promise<Uint8Array> => {
    await writer.write({ rowGroupSize: size, columnData: columnsOf(group) });
    group = [];
    return take();
  };
  for await (const row of rows) {
    if (row.embedding.length !== header.dimension)
      throw new RangeError(`Cannot write a vector of ${row.embedding.length} values to an index of ${header.dimension}`);
    group.push(row);
    if (group.length === size) yield await write();
  }
  if (group.length > 0) yield await write();
  await writer.finish();
  yield take();
}

function columnsOf(rows: readonly IndexRow[]) {
  const column = (name: string, data: unknown[]) => ({ name, data, encoding: "PLAIN" as const, offsetIndex: false });
  return [
    column(
      "path",
      rows.map(({ path }) => path),
    ),
    column(
      "sha256",
      rows.map(({ sha256 }) => sha256),
    ),
    column(
      "label",
      rows.map(({ label }) => label),
    ),
    column(
      "embedding",
      rows.map(({ embedding }) => Array.from(embedding)),
    ),
  ];
}

/**
 * Opens an index file that `encodeIndex` wrote.
 *
 * @throws InceptionError FILE_UNRECOGNIZED (not Parquet), FILE_UNSUPPORTED (another Parquet file), FILE_CORRUPT, FILE_TRUNCATED, FILE_LIMIT
 */
export async function openIndexFile(source: ByteSource): Promise<IndexFile> {
  const metadata = await readFooter(source);
  const text = metadata.key_value_metadata?.find(({ key }) => key === KEY)?.value;
  if (text === undefined) {
    const fact = "it is a Parquet file without the metadata of an index, expected a file that `indexImages` wrote";
    throw new InceptionError("FILE_UNSUPPORTED", `Cannot read the index "${messageOf(source.name)}": ${fact}`, { file: source.name });
  }
  const header = decodeIndexHeader(text, source.name);
  checkSchema(metadata, source.name);
  const groups = metadata.row_groups.map((_, group) => rowsOf(metadata, group, header, source));
  const size = groups.reduce((sum, rows) => sum + rows, 0);
  if (BigInt(size) !== metadata.num_rows) throw corrupt(source, `its groups have ${size} rows, the file says ${metadata.num_rows}`);
  const bodies = (group: number, column: number, leaf: string) => readPages(source, metadata, group, column, leaf, at(groups, group));
  return {
    header,
    size,
    groups,
    readEntries: async (group) => {
      const paths = texts(await bodies(group, 0, "path"), source, false);
      const hashes = texts(await bodies(group, 1, "sha256"), source, false);
      const labels = texts(await bodies(group, 2, "label"), source, true);
      return Array.from({ length: at(groups, group) }, (_, row) => {
        const [path, sha256, label] = [paths[row], hashes[row], labels[row]];
        if (typeof path !== "string" || typeof sha256 !== "string" || label === undefined)
          throw corrupt(source, `row ${row} of group ${group} is not complete`);
        return { path, sha256, label };
      });
    },
    readVectors: async (group) => floats(await bodies(group, 3, "embedding"), at(groups, group), header.dimension, source),
  };
}

function corrupt(source: Pick<ByteSource, "name">, fact: string): InceptionError {
  return new InceptionError("FILE_CORRUPT", `Cannot read the index "${messageOf(source.name)}": ${fact}`, { file: source.name });
}

const MAGIC = 0x31524150;
/** Two lengths of 4 bytes. */
const TAIL_BYTES = 8;

async function readFooter(source: ByteSource): Promise<FileMetaData> {
  const tail = source.size < TAIL_BYTES + 4 ? null : await source.read(source.size - TAIL_BYTES, TAIL_BYTES);
  const view = tail === null ? null : new DataView(tail.buffer, tail.byteOffset, TAIL_BYTES);
  if (view?.getUint32(4, true) !== MAGIC) {
    const message = `Cannot read the index "${messageOf(source.name)}": it is not a Parquet file, or its end is missing`;
    throw new InceptionError("FILE_UNRECOGNIZED", message, { file: source.name });
  }
  const length = view.getUint32(0, true);
  if (length > MAX_FOOTER_BYTES) {
    const message = `Cannot read the index "${messageOf(source.name)}": its metadata has ${length} bytes, the limit is ${MAX_FOOTER_BYTES}`;
    throw new InceptionError("FILE_LIMIT", message, { file: source.name, length });
  }
  if (length > source.size - TAIL_BYTES - 4) throw corrupt(source, `its metadata has ${length} bytes, the file ${source.size}`);
  const footer = (await source.read(source.size - TAIL_BYTES - length, length + TAIL_BYTES)).slice();
  return parsed(source, "metadata", () => {
    checkIntegers(footer.subarray(0, length));
    return parquetMetadata(footer.buffer, { geoparquet: false });
  });
}

/** Longest integer of Thrift, in bytes. */
const MAX_INTEGER_BYTES = 10;

/** All text in it is ASCII, so that a long run of high bits can only be an integer without an end, which takes quadratic time. */
function checkIntegers(bytes: Uint8Array): void {
  let run = 0;
  for (const byte of bytes) {
    run = byte >= 0x80 ? run + 1 : 0;
    if (run > MAX_INTEGER_BYTES) throw new RangeError("an integer is too long");
  }
}

/** What the library throws while it parses is a fault of the file. */
function parsed<T>(source: ByteSource, what: string, parse: () => T): T {
  try {
    return parse();
  } catch (thrown) {
    if (thrown instanceof InceptionError) throw thrown;
    throw corrupt(source, `its ${what} cannot be parsed (${messageOf(thrown)})`);
  }
}

/** Only what `encodeIndex` writes is decoded. */
function checkSchema({ schema }: FileMetaData, name: string): void {
  const form = (elements: readonly SchemaElement[]) =>
    elements
      .slice(1)
      .map(({ name: leaf, type, repetition_type: repetition, num_children: children }) => `${leaf} ${type} ${repetition} ${children}`);
  if (form(schema).join() === form(SCHEMA).join()) return;
  const fact = "its columns are not those of an index: path, sha256, label and a list of float32 named embedding";
  throw new InceptionError("FILE_UNSUPPORTED", `Cannot read the index "${messageOf(name)}": ${fact}`, { file: name });
}

function rowsOf({ row_groups: all }: FileMetaData, group: number, { dimension }: IndexHeader, source: ByteSource): number {
  const { num_rows: rows, columns } = at(all, group);
  // Vectors are not compressed, so that the size of the file bounds what is allocated.
  if (rows >= 0n && rows * BigInt(dimension) * 4n <= BigInt(source.size) && columns.length === 4) return Number(rows);
  throw corrupt(source, `group ${group} has ${rows} rows of ${dimension} values and ${columns.length} columns in ${source.size} bytes`);
}

interface PageBody {
  readonly values: number;
  /** Definition levels, without repetition levels before them. */
  readonly levels: Uint8Array;
  readonly data: Uint8Array;
}

/** The pages of a column in a group. Each value takes a byte at least, or a bit where it is absent. */
async function readPages(
  source: ByteSource,
  { row_groups: all }: FileMetaData,
  group: number,
  column: number,
  leaf: string,
  rows: number,
): Promise<readonly PageBody[]> {
  const meta = at(at(all, group).columns, column).meta_data;
  const where = `column ${leaf} of group ${group}`;
  if (meta === undefined || meta.path_in_schema[0] !== leaf) throw corrupt(source, `${where} is missing`);
  if (meta.codec !== "UNCOMPRESSED") throw corrupt(source, `${where} is compressed`);
  const [offset, length] = [Number(meta.data_page_offset), Number(meta.total_compressed_size)];
  if (!(length >= 0 && length <= MAX_COLUMN_BYTES)) throw corrupt(source, `${where} has ${length} bytes`);
  const bytes = await source.read(offset, length);
  const pages: PageBody[] = [];
  let seen = 0;
  for (let start = 0; start < bytes.length; ) {
    const page = parsed(source, `page in ${where}`, () => readPage(bytes, start));
    start = page.end;
    seen += page.rows;
    pages.push(page);
  }
  if (seen !== rows) throw corrupt(source, `${where} has ${seen} rows, expected ${rows}`);
  return pages;
}

function readPage(bytes: Uint8Array, start: number): PageBody & { readonly end: number; readonly rows: number } {
  const head = bytes.subarray(start, start + MAX_PAGE_HEADER_BYTES);
  const reader = { view: new DataView(head.buffer, head.byteOffset, head.byteLength), offset: 0 };
  const { type, compressed_page_size: size, data_page_header_v2: v2 } = parquetHeader(reader);
  const body = bytes.subarray(start + reader.offset, start + reader.offset + size);
  if (type !== "DATA_PAGE_V2" || v2 === undefined || v2.encoding !== "PLAIN")
    throw new RangeError("it is not a plain data page of version 2");
  const { num_values: values, num_rows: rows, repetition_levels_byte_length: repeated, definition_levels_byte_length: defined } = v2;
  const counts = [size, values, rows, repeated, defined];
  if (body.length !== size || counts.some((count) => !(Number.isSafeInteger(count) && count >= 0)) || repeated + defined > size)
    throw new RangeError(`its sizes ${counts.join(", ")} do not fit`);
  if (rows > values || values > 8 * size + 8) throw new RangeError(`${values} values in ${size} bytes`);
  const levels = body.subarray(repeated, repeated + defined);
  return { values, rows, levels, data: body.subarray(repeated + defined), end: start + reader.offset + size };
}

function floats(pages: readonly PageBody[], rows: number, dimension: number, source: ByteSource): Float32Array {
  const values = new Float32Array(rows * dimension);
  let done = 0;
  for (const { values: count, data } of pages) {
    if (data.length !== 4 * count || done + count > values.length)
      throw corrupt(source, `a page of vectors has ${data.length} bytes for ${count} values`);
    // Copied, since a page need not begin at a multiple of four.
    values.set(new Float32Array(data.slice().buffer), done);
    done += count;
  }
  if (done !== values.length) throw corrupt(source, `a group has ${done} values, expected ${values.length}`);
  const wrong = values.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0) throw corrupt(source, `vector ${Math.floor(wrong / dimension)} of a group contains NaN or infinity`);
  return values;
}

function texts(pages: readonly PageBody[], source: ByteSource, optional: boolean): readonly (string | null)[] {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  return pages.flatMap(({ values, levels, data }) =>
    parsed(source, "page of texts", () => {
      const present = optional ? readBits(levels, values) : null;
      const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
      let offset = 0;
      return Array.from({ length: values }, (_, index) => {
        if (present !== null && present[index] !== 1) return null;
        const length = view.getUint32(offset, true);
        if (offset + 4 + length > data.length) throw new RangeError("a text ends after its page");
        offset += 4 + length;
        return decoder.decode(data.subarray(offset - length, offset));
      });
    }),
  );
}

/** Parquet's hybrid of runs and packed bits, for one bit: no run is longer than what is left. */
function readBits(bytes: Uint8Array, count: number): Uint8Array {
  const bits = new Uint8Array(count);
  let [offset, done] = [0, 0];
  while (done < count) {
    let [head, shift] = [0, 0];
    for (;;) {
      const byte = at(bytes, offset++);
      head |= (byte & 0x7f) << shift;
      shift += 7;
      if (byte < 0x80) break;
      if (shift > 28) throw new RangeError("a run is too long");
    }
    const length = head >>> 1;
    if (head % 2 === 0) {
      if (length === 0 || length > count - done) throw new RangeError(`a run of ${length} levels, ${count - done} are left`);
      bits.fill(at(bytes, offset++), done, done + length);
      done += length;
    } else {
      for (let group = 0; group < length && done < count; group++) {
        const byte = at(bytes, offset++);
        for (let bit = 0; bit < 8 && done < count; bit++) bits[done++] = (byte >> bit) & 1;
      }
      if (length === 0) throw new RangeError("an empty run of levels");
    }
  }
  return bits;
}
