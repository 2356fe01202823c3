/** Compressed DICOM slices, which an optional package decodes: streams of DCMTK and GDCM, and run lengths written by hand. */
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { readVolume, summarizeVolume } from "../src/node/volumes.js";
import { dicomSeries, folderOf, RLE, type SeriesOptions } from "./dicom-series.js";
import { failureOf } from "./failures.js";
import { goldenPath } from "./shared.js";

let root = "";
let temporary = "";
beforeAll(() => {
  root = mkdtempSync(path.join(tmpdir(), "inception-dicom-compressed-"));
  temporary = path.join(root, "temporary");
  mkdirSync(temporary);
  vi.stubEnv("TMPDIR", temporary);
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(root, { recursive: true });
});

const SIGNED = Array.from({ length: 5 }, (_, slice) => Int16Array.from({ length: 20 }, (_, index) => 1000 * slice - 37 * index - 2000));

function series(options: SeriesOptions): string {
  return folderOf(root, dicomSeries([5, 4], SIGNED, options));
}

test("without its package a compressed slice says what to install", async () => {
  // The build alone, at a place where only the package of the tags is found.
  const place = path.join(root, "installed");
  cpSync(path.resolve(import.meta.dirname, "../dist"), path.join(place, "dist"), { recursive: true });
  writeFileSync(path.join(place, "package.json"), '{ "type": "module" }');
  mkdirSync(path.join(place, "node_modules"));
  symlinkSync(path.resolve(import.meta.dirname, "../node_modules/dicom-parser"), path.join(place, "node_modules/dicom-parser"));
  const folder = series({ syntax: RLE });
  const script = `import { readVolume } from ${JSON.stringify(pathToFileURL(path.join(place, "dist/node/volumes.js")).href)};
    await readVolume(${JSON.stringify(folder)}).catch(({ code, message }) => console.log(JSON.stringify({ code, message })));`;
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script]);
  expect(stderr).toBe("");
  expect(JSON.parse(stdout)).toEqual({
    code: "FILE_UNSUPPORTED",
    message:
      `Cannot read DICOM file "${path.join(folder, "IM4")}": its pixels are compressed (RLE), which requires the package ` +
      "@itk-wasm/dicom, and that is not installed; install it with: npm install @itk-wasm/dicom@7.6.4",
  });
});

interface Streams {
  readonly columns: number;
  readonly rows: number;
  readonly streams: Readonly<Record<"int16" | "uint12", Readonly<Record<string, readonly string[]>>>>;
}

function hasDecoder(): boolean {
  try {
    createRequire(import.meta.url).resolve("@itk-wasm/dicom/package.json");
    return true;
  } catch (thrown) {
    return !(thrown instanceof Error && "code" in thrown && thrown.code === "MODULE_NOT_FOUND");
  }
}

const decoder = hasDecoder();
describe.skipIf(!decoder)(`compressed slices${decoder ? "" : " [skipped: the package @itk-wasm/dicom is not installed]"}`, () => {
  const golden = JSON.parse(readFileSync(goldenPath("dicom_streams.json"), "utf8")) as Streams;
  const { columns, rows, streams } = golden;
  const index = Array.from({ length: columns * rows }, (_, at) => [at % columns, Math.floor(at / columns)] as const);
  /** The formulas of tools/goldens/dicom_streams.py. */
  const values = {
    int16: Int16Array.from(index, ([i, j]) => 37 * i - 91 * j + ((i * j) % 5)),
    uint12: Uint16Array.from(index, ([i, j]) => (437 * i + 91 * j) % 4096),
  };
  const bits = { int16: 16, uint12: 12 };

  /** A series whose odd slices are a compressed stream. */
  function mixed(kind: "int16" | "uint12", syntax: string, parts: readonly Uint8Array[]): string {
    const stream = (at: number) => (at % 2 === 1 ? { syntax, parts } : null);
    const slices = Array.from({ length: 4 }, () => values[kind]);
    return folderOf(root, dicomSeries([columns, rows], slices, { bits: bits[kind], stream }));
  }

  const cases = (["int16", "uint12"] as const).flatMap((kind) =>
    Object.entries(streams[kind]).map(([syntax, parts]) => [kind, syntax, parts.map((part) => Buffer.from(part, "base64"))] as const),
  );
  test.each(cases)("%s in %s, as DCMTK and GDCM write it", async (kind, syntax, parts) => {
    const { volume } = await readVolume(mixed(kind, syntax, parts));
    expect(volume.data.constructor).toBe(values[kind].constructor);
    expect([...volume.data]).toEqual([0, 1, 2, 3].flatMap(() => [...values[kind]]));
  });

  test("a whole series of RLE slices, rescaled slice by slice", async () => {
    const slope = SIGNED.map((_, at) => String(1 + at / 2));
    const plain = await readVolume(series({ slope, intercept: "-3" }));
    const folder = series({ slope, intercept: "-3", syntax: RLE });
    expect((await readVolume(folder)).volume).toEqual(plain.volume);
    expect(await summarizeVolume(folder)).toEqual(await summarizeVolume(series({ slope, intercept: "-3" })));
  });

  test("a stream that is damaged, of another size, or none", async () => {
    const jpeg = streams.int16["1.2.840.10008.1.2.4.70"]?.map((part) => Buffer.from(part, "base64")) ?? [];
    const before = process.exitCode;
    const damaged = mixed(
      "int16",
      "1.2.840.10008.1.2.4.70",
      jpeg.map((part) => part.fill(0xff, 20, 60)),
    );
    expect((await failureOf(readVolume(damaged))).message).toBe(
      `Cannot read DICOM file "${path.join(damaged, "a.dcm")}": its JPEG lossless pixels are damaged: they could not be decoded (no reason given), expected 48 values of int16`,
    );
    const none = mixed("int16", "1.2.840.10008.1.2.4.70", []);
    expect((await failureOf(readVolume(none))).message).toBe(
      `Cannot read DICOM file "${path.join(none, "a.dcm")}": its pixels are not the JPEG lossless stream that its transfer syntax declares, or are truncated`,
    );
    expect(process.exitCode).toBe(before);
    // The files that the decoder is given are gone.
    expect(readdirSync(temporary)).toEqual([]);
  });
});
