import { describe, expect, test } from "vitest";
import { PREPROCESSING } from "../data/preprocessing.js";
import { InceptionError } from "../errors.js";
import { bytesSource } from "../formats/byte-source.js";
import { concatChunks } from "../formats/concat-chunks.js";
import { fillUniform } from "../tensor/fill.js";
import { encodeIndex, groupRows, type IndexRow, openIndexFile } from "./index-file.js";
import type { IndexHeader } from "./index-header.js";

const HEADER: IndexHeader = {
  model: "modèle \u2028",
  weightsSha256: "ab".repeat(32),
  output: "features",
  dimension: 3,
  preprocessing: PREPROCESSING.timm_inception_v3,
  probe: [0.5, -1.25, 3e-9],
  root: "../photos",
  source: { model: "googlenet.paper", weights: null },
};

async function encoded(header: IndexHeader, rows: readonly IndexRow[]): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of encodeIndex(
    header,
    (async function* () {
      yield* rows;
    })(),
  ))
    chunks.push(chunk);
  return concatChunks(chunks);
}

function rowsOf(count: number, dimension: number): readonly IndexRow[] {
  return Array.from({ length: count }, (_, row) => ({
    path: `kätzchen/${row}.jpg`,
    sha256: row.toString(16).padStart(64, "0"),
    label: row % 3 === 0 ? null : `class ${row % 7}`,
    embedding: fillUniform(`row/${row}`, dimension, -1, 1),
  }));
}

const read = async (bytes: Uint8Array) => openIndexFile(bytesSource("x.parquet", bytes));

describe("an index file", () => {
  test.each([
    [0, 3],
    [1, 3],
    [2500, 3],
    [3, 200_000 / 4],
  ])("of %i rows of %i values is read as it was written", async (count, dimension) => {
    const rows = rowsOf(count, dimension);
    const header = { ...HEADER, dimension, probe: Array<number>(dimension).fill(0.5) };
    const file = await read(await encoded(header, rows));
    expect(file.header).toEqual(header);
    expect(file.size).toBe(count);
    expect(Math.max(0, ...file.groups)).toBeLessThanOrEqual(groupRows(dimension));
    let seen = 0;
    for (const group of file.groups.keys()) {
      const [entries, vectors] = [await file.readEntries(group), await file.readVectors(group)];
      for (const [k, entry] of entries.entries()) {
        const { embedding, ...expected } = rows[seen++] as IndexRow;
        expect(entry).toEqual(expected);
        expect(vectors.subarray(k * dimension, (k + 1) * dimension)).toEqual(embedding);
      }
    }
    expect(seen).toBe(count);
  });

  test("of any label pattern is read back", async () => {
    const rows = rowsOf(40, 3).map((row, index) => ({ ...row, label: index < 11 || index === 20 ? "a" : null }));
    const file = await read(await encoded(HEADER, rows));
    expect((await file.readEntries(0)).map(({ label }) => label)).toEqual(rows.map(({ label }) => label));
  });
});

describe("a damaged file", () => {
  test("is rejected wherever a byte is changed, or read", async () => {
    const bytes = await encoded(HEADER, rowsOf(5, 3));
    for (let position = 0; position < bytes.length; position++) {
      for (const value of [0, 0x7f, 0xff]) {
        const damaged = bytes.slice();
        damaged[position] = value;
        const file = await read(damaged).catch(typed);
        if (file === null) continue;
        for (const group of file.groups.keys()) {
          await file.readEntries(group).catch(typed);
          await file.readVectors(group).catch(typed);
        }
      }
    }
  });

  const typed = (thrown: unknown): null => {
    expect(thrown).toBeInstanceOf(InceptionError);
    expect(thrown instanceof InceptionError ? thrown.code : "").toMatch(/^FILE_/);
    return null;
  };

  test.each([
    ["nothing", () => new Uint8Array(0), "FILE_UNRECOGNIZED", "it is not a Parquet file, or its end is missing"],
    [
      "its beginning",
      (bytes: Uint8Array) => bytes.subarray(0, 200),
      "FILE_UNRECOGNIZED",
      "it is not a Parquet file, or its end is missing",
    ],
    [
      "a length beyond the file",
      (bytes: Uint8Array) => withTail(bytes, 5000),
      "FILE_CORRUPT",
      "its metadata has 5000 bytes, the file 1600",
    ],
    [
      "a length of gigabytes",
      (bytes: Uint8Array) => withTail(bytes, 0xffff_ffff),
      "FILE_LIMIT",
      "its metadata has 4294967295 bytes, the limit is 33554432",
    ],
  ] as const)("with %s is rejected", async (_, damage, code, fact) => {
    const bytes = damage(await encoded(HEADER, rowsOf(5, 3)));
    const message = `Cannot read the index "x.parquet": ${fact.replace("1600", String(bytes.length))}`;
    await expect(read(bytes)).rejects.toThrow(expect.objectContaining({ code, message }));
  });

  test("with an integer that does not end is rejected before it is parsed", async () => {
    const footer = new Uint8Array(2 ** 20).fill(0xff);
    const bytes = concatChunks([new TextEncoder().encode("PAR1"), footer, Uint8Array.of(0, 0, 16, 0), new TextEncoder().encode("PAR1")]);
    await expect(read(bytes)).rejects.toThrow(
      expect.objectContaining({
        code: "FILE_CORRUPT",
        message: 'Cannot read the index "x.parquet": its metadata cannot be parsed (an integer is too long)',
      }),
    );
  });
});

function withTail(bytes: Uint8Array, length: number): Uint8Array {
  const changed = bytes.slice();
  new DataView(changed.buffer).setUint32(changed.length - 8, length, true);
  return changed;
}
