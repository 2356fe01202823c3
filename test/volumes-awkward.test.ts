/** Every awkward NIfTI file reads to what nibabel reads, or fails with one typed line where nibabel fails or we refuse on purpose. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { InceptionError } from "../src/errors.js";
import { qformAffine, sformAffine } from "../src/formats/nifti-affine.js";
import { readVolume, summarizeVolume } from "../src/node/volumes.js";
import { sharedPath, titleNeeding } from "./shared.js";

const DATA = "data/nifti_awkward";
/** Files unpack to at most 50 MB; reading and summing up takes a second of them on a busy core. */
const MAX_MILLISECONDS = 30_000;

interface Expected {
  readonly error?: string;
  readonly shape: readonly number[];
  readonly disk_dtype: string;
  readonly zooms: readonly number[];
  readonly axcodes: readonly string[];
  readonly affine: readonly (readonly number[])[];
  readonly qform: readonly [matrix: readonly (readonly number[])[], code: number];
  readonly sform: readonly [matrix: readonly (readonly number[])[], code: number];
  readonly finite: boolean;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly samples_fortran_order: Readonly<Record<string, number | null>>;
}

/** What we refuse although nibabel reads it, and why. */
const REFUSED: Readonly<Record<string, string>> = {
  "derived/vox_offset_zero.nii": "vox_offset is 0, expected at least 352",
  "niivue/complex.nii.gz": "its voxels are complex64, which are not one number each",
  "niivue/ct_perfusion.nii.gz": "its voxels are RGB, which are not one number each",
};

/** What nibabel fails at, and what we say: code and the fact. */
const FAILING: Readonly<Record<string, readonly [code: string, fact: string]>> = {
  "derived/bad_crc.nii.gz": ["FILE_CORRUPT", "its gzip stream is damaged (incorrect data check)"],
  "derived/bad_magic.nii": ["FILE_UNRECOGNIZED", "its magic bytes are not those of NIfTI-1 or NIfTI-2"],
  "derived/datatype_unknown.nii": ["FILE_UNSUPPORTED", "its element type has the unknown code 3; supported are uint8, int16"],
  "derived/dim0_nine.nii": ["FILE_CORRUPT", "dim[0] is 9, expected 1 to 7 dimensions"],
  "derived/dim0_zero.nii": ["FILE_CORRUPT", "dim[0] is 0, expected 1 to 7 dimensions"],
  "derived/dim1_huge.nii": ["FILE_TRUNCATED", "its header declares 491857 bytes, the file contains 457"],
  "derived/dim1_negative.nii": ["FILE_CORRUPT", "dim[1] is -7, expected a positive size"],
  "derived/empty.nii": ["FILE_TRUNCATED", "it has 0 bytes, a header takes 348"],
  "derived/garbage_gzip.nii.gz": ["FILE_CORRUPT", "its gzip stream is damaged (invalid stored block lengths)"],
  "derived/gzip_named_nii.nii": ["FILE_CORRUPT", "it is compressed with gzip, but its name does not end in .gz; rename it"],
  "derived/truncated_data.nii": ["FILE_TRUNCATED", "its header declares 4636 bytes, the file contains 3000"],
  "derived/truncated_gzip.nii.gz": ["FILE_TRUNCATED", "its gzip stream ends before its end"],
  "derived/truncated_header.nii": ["FILE_TRUNCATED", "it has 200 bytes, a header takes 348"],
  "derived/ungzipped_named_gz.nii.gz": ["FILE_CORRUPT", "its name ends in .gz, but it is not compressed with gzip"],
  "derived/vox_offset_past_end.nii": ["FILE_TRUNCATED", "bytes, the file contains 457"],
  "nibabel/analyze.hdr": ["FILE_UNRECOGNIZED", "its magic bytes are not those of NIfTI-1 or NIfTI-2"],
  "nibabel/nifti1.hdr": ["FILE_NOT_FOUND", "no such file or directory"],
  "nibabel/nifti2.hdr": ["FILE_NOT_FOUND", "no such file or directory"],
  "nibabel/row_major.dconn.nii": ["FILE_UNSUPPORTED", "it is a CIFTI-2 matrix (intent 3001), which has no voxels; expected a volume"],
  "nifti-reader-js/not-nifti.nii": ["FILE_UNRECOGNIZED", "its magic bytes are not those of NIfTI-1 or NIfTI-2"],
};

function readExpected(file: string | null): Readonly<Record<string, Expected>> {
  if (file === null) return {};
  // Python writes NaN, which JSON does not know.
  return JSON.parse(readFileSync(file, "utf8").replaceAll(/\bNaN\b/g, "null")) as Readonly<Record<string, Expected>>;
}

async function failure(file: string): Promise<InceptionError> {
  const thrown: unknown = await summarizeVolume(file).catch((error: unknown) => error);
  if (!(thrown instanceof InceptionError)) throw new Error(`${file} did not fail as it should: ${String(thrown)}`);
  return thrown;
}

const DTYPES: Readonly<Record<string, string>> = { ">i2": "int16", ">f4": "float32" };

/** Both are double precision made of the same float32 fields. */
function expectClose(found: readonly number[], expected: readonly number[]): void {
  expect(found).toHaveLength(expected.length);
  for (const [index, value] of found.entries()) expect(value).toBeCloseTo(expected[index] ?? Number.NaN, 6);
}

async function compare(file: string, expected: Expected): Promise<void> {
  const summary = await summarizeVolume(file);
  expect(summary.shape).toEqual(expected.shape);
  expect(summary.dtype).toBe(DTYPES[expected.disk_dtype] ?? expected.disk_dtype);
  // One byte has no order, and nibabel does not say it then.
  if (expected.disk_dtype !== "uint8") expect(summary.littleEndian).toBe(!(expected.disk_dtype in DTYPES));
  expect(summary.spacing).toEqual(expected.zooms);
  expect(summary.orientation).toBe(expected.axcodes.join(""));
  expectClose(summary.affine.flat(), expected.affine.flat());
  expect(summary.nonFinite === 0).toBe(expected.finite);
  const spread = expected.max - expected.min;
  for (const key of ["min", "max", "mean"] as const) {
    expect(Math.abs((summary[key] ?? Number.NaN) - expected[key]), key).toBeLessThanOrEqual(1e-6 * spread);
  }
  const { header } = await readVolume(file, { index: 0 });
  if (header === null) throw new Error("a NIfTI file has a header");
  expect([header.qform.code, header.sform.code]).toEqual([expected.qform[1], expected.sform[1]]);
  expectClose(qformAffine(header.qform, header.spacing, header.version) ?? [], expected.qform[0].flat());
  expectClose(sformAffine(header.sform), expected.sform[0].flat());
  const size = expected.shape.slice(0, 3).reduce((product, dim) => product * dim, 1);
  const volumes = new Map<number, Awaited<ReturnType<typeof readVolume>>>();
  for (const [at, value] of Object.entries(expected.samples_fortran_order)) {
    const index = Math.floor(Number(at) / size);
    const loaded = volumes.get(index) ?? (await readVolume(file, { index }));
    volumes.set(index, loaded);
    const found = loaded.volume.data[Number(at) % size] ?? Number.POSITIVE_INFINITY;
    // Scaled values are rounded to float32.
    if (value === null) expect(found).toBeNaN();
    else expect(Math.abs(found - value)).toBeLessThanOrEqual(Math.abs(value) * 2 ** -24);
  }
}

describe("awkward NIfTI files", () => {
  const folder = sharedPath(DATA);
  const expected = readExpected(folder && path.join(folder, "expected.json"));
  test.skipIf(!folder)(titleNeeding("the lists name files that are there", folder, DATA), () => {
    const failing = Object.keys(expected).filter((file) => expected[file]?.error !== undefined);
    expect(failing.toSorted()).toEqual(Object.keys(FAILING).toSorted());
    expect(Object.keys(expected)).toEqual(expect.arrayContaining(Object.keys(REFUSED)));
  });

  test.skipIf(!folder).each(Object.entries(expected))(
    "%s",
    async (name, values) => {
      const file = path.join(folder ?? "", name);
      const [code, fact] = FAILING[name] ?? ["", REFUSED[name]];
      if (fact === undefined) return compare(file, values);
      const error = await failure(file);
      expect(error.message).toContain(fact);
      expect(error.message).toMatch(/^Cannot (read|open) [^\n]+$/);
      expect(error.message).toContain(path.basename(file).replace(/^nifti(.)\.hdr$/, "nifti$1.img"));
      if (code !== "") expect(error.code).toBe(code);
    },
    MAX_MILLISECONDS,
  );
});
