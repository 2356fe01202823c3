/** Folders of DICOM slices: series written by hand (test/dicom-series.ts) are read back, and what makes no volume is refused. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { main } from "../src/cli/main.js";
import { sameGrid } from "../src/data/volumes/orientation.js";
import { createVolume, worldOf } from "../src/data/volumes/volume.js";
import { InceptionError } from "../src/errors.js";
import { listDicomSeries } from "../src/node/dicom/read.js";
import { inspectFile } from "../src/node/inspect-file.js";
import { NODE_PLATFORM } from "../src/node/platform.js";
import { readVolume, readVolumes, summarizeVolume, writeVolume } from "../src/node/volumes.js";
import { readChannels } from "../src/tasks/segment/read-channels.js";
import { dicomFile, dicomSeries, folderOf, IMPLICIT, NAMES, RLE, type SeriesOptions, type Tag, uint16 } from "./dicom-series.js";
import { failureOf } from "./failures.js";

const READER = { platform: NODE_PLATFORM, sources: {} };

/** A folder of small files takes some ten ms; what goes on for longer than this on a busy machine does not end. */
const TIME_LIMIT_MS = 20_000;

let root = "";
beforeAll(() => {
  root = mkdtempSync(path.join(tmpdir(), "inception-dicom-"));
});
afterAll(() => rmSync(root, { recursive: true }));

const [COLUMNS, ROWS, SLICES] = [5, 4, 7];
/** Two directions at right angles, oblique in all three axes, and their normal. */
const OBLIQUE = (() => {
  const row = unit([0.9, 0.3, -0.1]);
  const raw = [-0.2, 0.8, 0.5];
  const along = raw.reduce((sum, value, axis) => sum + value * (row[axis] ?? 0), 0);
  const column = unit(raw.map((value, axis) => value - along * (row[axis] ?? 0)));
  const [a = 0, b = 0, c = 0] = row;
  const [d = 0, e = 0, f = 0] = column;
  return { row, column, normal: [b * f - c * e, c * d - a * f, a * e - b * d] };
})();

function unit(vector: readonly number[]): readonly number[] {
  return vector.map((value) => value / Math.hypot(...vector));
}

function stored(make: (slice: number, index: number) => number, count = SLICES): Int16Array[] {
  return Array.from({ length: count }, (_, slice) => Int16Array.from({ length: COLUMNS * ROWS }, (_, index) => make(slice, index)));
}

const SIGNED = stored((slice, index) => 1000 * slice - 37 * index - 2000);
const SHAPE = [COLUMNS, ROWS] as const;

function series(options: SeriesOptions = {}, slices: readonly (Int16Array | Uint16Array | Uint8Array | Int8Array)[] = SIGNED): string {
  return folderOf(root, dicomSeries(SHAPE, slices, options));
}

/** Changes one tag; null takes it out. */
function changed(number: number, value: Tag[2] | null, only: number | null = null) {
  return (tags: readonly Tag[], index: number): readonly Tag[] => {
    if (only !== null && index !== only) return tags;
    const found = tags.find(([each]) => each === number);
    const rest = tags.filter(([each]) => each !== number);
    return value === null ? rest : [...rest, [number, found?.[1] ?? "DS", value]];
  };
}

describe("a series is the volume that its slices say", () => {
  const step = OBLIQUE.normal.map((value) => 2.5 * value);
  const geometry: SeriesOptions = { ...OBLIQUE, step, position: [-100.5, 50.25, -30], spacing: [0.7, 0.9] };

  /** The point of a voxel in RAS, from the tags' definitions (PS3.3, C.7.6.2.1.1). */
  function point(i: number, j: number, k: number, along: readonly number[]): readonly number[] {
    return [-1, -1, 1].map((sign, axis) => {
      const start = geometry.position?.[axis] ?? 0;
      return sign * (start + i * 0.9 * (OBLIQUE.row[axis] ?? 0) + j * 0.7 * (OBLIQUE.column[axis] ?? 0) + k * (along[axis] ?? 0));
    });
  }

  test("oblique, rescaled, names shuffled, instance numbers backwards", async () => {
    const folder = series({ ...geometry, slope: ["2"], intercept: "-1024" });
    const { volume, header } = await readVolume(folder);
    expect(header).toBeNull();
    expect(volume.shape).toEqual([COLUMNS, ROWS, SLICES]);
    expect(volume.data).toEqual(
      Float32Array.from(
        SIGNED.flatMap((slice) => [...slice]),
        (value) => 2 * value - 1024,
      ),
    );
    for (const [i, j, k] of [
      [0, 0, 0],
      [4, 0, 0],
      [0, 3, 0],
      [0, 0, 6],
      [2, 1, 3],
    ] as const) {
      for (const [axis, value] of worldOf(volume.affine, [i, j, k]).entries())
        expect(value).toBeCloseTo(point(i, j, k, step)[axis] ?? 0, 8);
    }
    for (const [axis, length] of [0.9, 0.7, 2.5].entries()) expect(volume.spacing[axis]).toBeCloseTo(length, 9);
  });

  test("slices in any order of files give the same volume", async () => {
    const files = dicomSeries(SHAPE, SIGNED, geometry);
    const { volume } = await readVolume(folderOf(root, files));
    expect((await readVolume(folderOf(root, files.toReversed()))).volume).toEqual(volume);
    // From foot to head by position, also where the files were made from head to foot.
    const turned = {
      ...geometry,
      position: geometry.position?.map((value, axis) => value + 6 * (step[axis] ?? 0)),
      step: step.map((value) => -value),
    };
    const upwards = await readVolume(folderOf(root, dicomSeries(SHAPE, SIGNED.toReversed(), turned as SeriesOptions)));
    expect(upwards.volume.data).toEqual(volume.data);
    expect(sameGrid(upwards.volume, volume)).toBe(true);
  });

  test("a tilted gantry shears the affine, and every voxel keeps its place", async () => {
    const tilted = step.map((value, axis) => value + 0.6 * (OBLIQUE.column[axis] ?? 0));
    const { volume } = await readVolume(series({ ...geometry, step: tilted }));
    for (const [axis, value] of worldOf(volume.affine, [1, 2, 6]).entries())
      expect(value).toBeCloseTo(point(1, 2, 6, tilted)[axis] ?? 0, 8);
  });

  test.each([
    ["int16", stored((slice, index) => 3 * slice - 700 * index)],
    ["uint16", stored(() => 0).map((slice, at) => Uint16Array.from(slice, (_, index) => 65_535 - 1000 * at - index))],
    ["uint8", stored(() => 0).map((slice, at) => Uint8Array.from(slice, (_, index) => 10 * at + 7 * index))],
    ["int8", stored(() => 0).map((slice, at) => Int8Array.from(slice, (_, index) => 7 * index - 30 * at))],
  ] as const)("%s without scaling stays what it is", async (dtype, slices) => {
    for (const syntax of [undefined, IMPLICIT]) {
      const folder = series(syntax === undefined ? {} : { syntax }, slices);
      const { volume } = await readVolume(folder);
      expect(volume.data.constructor).toBe(slices[0]?.constructor);
      expect([...volume.data]).toEqual(slices.flatMap((slice) => [...slice]));
      expect(await summarizeVolume(folder)).toMatchObject({ dtype, scaling: null });
    }
  });

  test("bits above those that count are dropped, and the sign is carried up", async () => {
    const values = [0, 1, 2047, -1, -2048, -5];
    const slices = [Int16Array.from({ length: 20 }, (_, index) => ((values[index % 6] ?? 0) & 0xfff) | 0x5000)];
    const { volume } = await readVolume(series({ bits: 12, change: changed(0x00180050, "2") }, slices));
    expect([...volume.data]).toEqual(Array.from({ length: 20 }, (_, index) => values[index % 6]));
    const unsigned = await readVolume(
      series(
        { bits: 12, change: changed(0x00180050, "2") },
        slices.map((slice) => Uint16Array.from(slice)),
      ),
    );
    expect([...unsigned.volume.data]).toEqual(Array.from({ length: 20 }, (_, index) => (values[index % 6] ?? 0) & 0xfff));
  });

  test("each slice has its own slope, as in PET", async () => {
    const slopes = SIGNED.map((_, index) => String(0.5 + index / 4));
    const folder = series({ slope: slopes });
    const expected = SIGNED.flatMap((slice, at) => Array.from(slice, (value) => Math.fround(value * (0.5 + at / 4))));
    expect([...(await readVolume(folder)).volume.data]).toEqual(expected);
    expect((await summarizeVolume(folder)).scaling).toBe("by slice");
  });

  test("one slice takes its thickness from its tags", async () => {
    const one = SIGNED.slice(0, 1);
    const both = (tags: readonly Tag[]): readonly Tag[] => [...tags, [0x00180050, "DS", "5"], [0x00180088, "DS", "3.5"]];
    expect((await readVolume(series({ change: both }, one))).volume.spacing).toEqual([1, 1, 3.5]);
    expect((await readVolume(series({ change: changed(0x00180050, "5") }, one))).volume.spacing).toEqual([1, 1, 5]);
    const folder = series({}, one);
    const error = await failureOf(readVolume(folder));
    expect([error.code, error.message]).toEqual([
      "VOLUME_INVALID",
      `Cannot read DICOM series of "${folder}": its one slice says nothing of its thickness, expected SpacingBetweenSlices or SliceThickness`,
    ]);
  });

  test("labels written for it lie over it", async () => {
    const { volume } = await readVolume(series({ ...geometry, intercept: "-1024" }));
    const labels = Uint8Array.from(volume.data, (value) => (value > 0 ? 1 : 0));
    const file = path.join(root, "labels.nii.gz");
    await writeVolume(file, createVolume(volume.shape, labels, volume.affine), null);
    const written = await readVolume(file);
    expect(written.volume.data).toEqual(labels);
    expect(sameGrid(written.volume, volume)).toBe(true);
    for (const [index, value] of written.volume.affine.entries()) expect(value).toBeCloseTo(volume.affine[index] ?? Number.NaN, 4);
    expect(written.header?.qform.code).toBe(written.header?.sform.code);
  });

  test("a model of one channel takes it", async () => {
    const folder = series(geometry);
    expect(await readChannels(READER, [folder], 1)).toEqual({ header: null, channels: [(await readVolume(folder)).volume] });
    expect((await failureOf(readChannels(READER, [folder], 2))).message).toBe(
      `Cannot segment "${folder}": it contains 1 volume, expected 2, one for each channel of the model`,
    );
  });

  test("inspection has the keys of NIfTI", async () => {
    const folder = series({ ...geometry, slope: ["2"], intercept: "-1024" });
    const values = SIGNED.flatMap((slice) => Array.from(slice, (value) => 2 * value - 1024));
    const { bytes, volume, ...rest } = await inspectFile(folder);
    expect(rest).toEqual({ file: folder, format: "dicom", values: 140, tensors: [], metadata: {}, artefact: null, onnx: null });
    expect(bytes).toBe(readdirSync(folder).reduce((sum, name) => sum + readFileSync(path.join(folder, name)).length, 0));
    const file = path.join(root, "keys.nii");
    await writeVolume(file, createVolume([1, 1, 1], Int16Array.of(1)));
    expect(Object.keys(volume ?? {}).toSorted()).toEqual(Object.keys((await inspectFile(file)).volume ?? {}).toSorted());
    expect(volume).toMatchObject({
      shape: [COLUMNS, ROWS, SLICES],
      orientation: "LPS",
      affine: expect.any(Array) as unknown,
      affineFrom: "positions",
      dtype: "int16",
      scaling: { slope: 2, intercept: -1024 },
      version: null,
      description: "a test series",
      min: Math.min(...values),
      max: Math.max(...values),
      nonFinite: 0,
    });
    expect(volume?.mean).toBeCloseTo(values.reduce((sum, value) => sum + value, 0) / values.length, 9);
  });
});

describe("which files", () => {
  test("whatever is no DICOM image is passed over", async () => {
    const folder = series();
    const alone = (await readVolume(folder)).volume;
    writeFileSync(path.join(folder, "notes.txt"), "not a slice".repeat(50));
    writeFileSync(path.join(folder, "empty"), "");
    writeFileSync(path.join(folder, ".DS_Store"), "hidden");
    // A report of the study, and the index of a disc.
    writeFileSync(path.join(folder, "report"), dicomFile([[0x0020000e, "UI", "9.9"]]));
    writeFileSync(path.join(folder, "DICOMDIR"), dicomFile([[0x00041130, "CS", "DISC"]], { kind: "1.2.840.10008.1.3.10" }));
    mkdirSync(path.join(folder, "more"));
    expect((await readVolume(folder)).volume).toEqual(alone);
    expect(await listDicomSeries(folder)).toEqual([{ uid: "1.2.3.4", description: "a test series", modality: "CT", slices: 7 }]);
  });

  test("linked slices are slices", async () => {
    const folder = mkdtempSync(path.join(root, "links-"));
    const real = series();
    for (const name of readdirSync(real)) symlinkSync(path.join(real, name), path.join(folder, name));
    expect((await readVolume(folder)).volume).toEqual((await readVolume(real)).volume);
  });

  test("no DICOM at all", async () => {
    const folder = folderOf(root, [Buffer.from("x")]);
    const error = await failureOf(readVolume(folder));
    expect([error.code, error.message]).toEqual([
      "FILE_UNRECOGNIZED",
      `Cannot read DICOM series of "${folder}": none of its 1 files is a DICOM image (subdirectories are not searched)`,
    ]);
    expect((await failureOf(listDicomSeries(path.join(root, "nowhere")))).message).toBe(
      `Cannot read DICOM series of "${path.join(root, "nowhere")}": no such file or directory`,
    );
    const file = path.join(root, "slice.dcm");
    writeFileSync(file, dicomSeries(SHAPE, SIGNED)[0] ?? "");
    expect((await failureOf(readVolume(file))).message).toBe(
      `Cannot read "${file}" as a volume: its name does not end in .nii, .hdr or .img, with or without .gz, and it is not a directory of DICOM slices`,
    );
  });

  test("of several series one is chosen", async () => {
    const other = SIGNED.map((slice) => slice.map((value) => value + 1));
    const second = dicomSeries(SHAPE, other.slice(0, 5), { uid: "1.2.3.10", change: changed(0x0008103e, "bo\u0007ne") });
    const folder = folderOf(root, [...second, ...dicomSeries(SHAPE, SIGNED)]);
    const list = '1.2.3.10 ("CT", "bo ne", 5 slices); 1.2.3.4 ("CT", "a test series", 7 slices)';
    const error = await failureOf(readVolume(folder));
    expect([error.code, error.message]).toEqual([
      "OPTION_INVALID",
      `Cannot read DICOM series of "${folder}": it contains 2 series; select one with the option series: ${list}`,
    ]);
    expect((await failureOf(readVolume(folder, { series: "1.2" }))).message).toBe(
      `Cannot read DICOM series of "${folder}": it contains no series with the UID "1.2": ${list}`,
    );
    expect((await readVolume(folder, { series: "1.2.3.10" })).volume.shape).toEqual([COLUMNS, ROWS, 5]);
    expect((await readVolumes(folder, { series: "1.2.3.4" })).volumes[0]?.data[0]).toBe(-2000);
    const out: string[] = [];
    const io = { out: (text: string) => out.push(text), err: (text: string) => out.push(text) };
    expect(await main(["inspect", folder, "--series", "1.2.3.4", "--json"], io as never)).toBe(0);
    expect(JSON.parse(out.join(""))).toHaveProperty("shape", [COLUMNS, ROWS, SLICES]);
  });

  test("options that mean nothing are refused", async () => {
    const folder = series();
    expect((await readVolume(folder, { index: 0 })).volume.shape).toEqual([COLUMNS, ROWS, SLICES]);
    expect((await failureOf(readVolume(folder, { index: 1 }))).message).toBe(
      `Cannot read volume 1: "${folder}" is a directory, whose series is one volume; pass index 0 or none`,
    );
    const file = path.join(root, "plain.nii");
    await writeVolume(file, createVolume([1, 1, 1], Int16Array.of(1)));
    for (const run of [readVolume, readVolumes, summarizeVolume, inspectFile]) {
      const error = await failureOf(run(file, { series: "1.2" }));
      expect([error.code, error.message]).toEqual([
        "OPTION_INVALID",
        `Cannot read series 1.2 of "${file}": expected a directory with DICOM series`,
      ]);
    }
  });
});

const AXIAL = dicomSeries(SHAPE, SIGNED);
const pixels = (length: number): Uint8Array => new Uint8Array(length);

/** Changes of the tags of slice 3 (file "zz"), and what is said of it. */
const BROKEN: readonly (readonly [title: string, number: number, value: Tag[2] | null, code: string, fact: string])[] = [
  ["no position", 0x00200032, null, "FILE_CORRUPT", "it has no ImagePositionPatient (0020,0032), which gives the position of a slice"],
  [
    "no orientation",
    0x00200037,
    null,
    "FILE_CORRUPT",
    "it has no ImageOrientationPatient (0020,0037), which gives the position of a slice",
  ],
  ["no spacing", 0x00280030, null, "FILE_CORRUPT", "it has no PixelSpacing (0028,0030), which gives the position of a slice"],
  ["no rows", 0x00280010, null, "FILE_CORRUPT", "it has no Rows (0028,0010), which every image has"],
  ["rows of another length", 0x00280010, new Uint8Array(4), "FILE_CORRUPT", "it has no Rows (0028,0010), which every image has"],
  ["no pixels", 0x7fe00010, null, "FILE_CORRUPT", "it has no pixels, unlike the other files of its series"],
  ["no rows but 0", 0x00280010, uint16(0), "FILE_CORRUPT", "it has 5 x 0 pixels, expected positive sizes"],
  ["huge rows", 0x00280010, uint16(65_535), "FILE_CORRUPT", "its pixels are 40 bytes, expected 655350 bytes for its sizes"],
  ["pixels too short", 0x7fe00010, pixels(38), "FILE_CORRUPT", "its pixels are 38 bytes, expected 40 bytes for its sizes"],
  ["a position of two", 0x00200032, "1\\2", "FILE_CORRUPT", 'its ImagePositionPatient (0020,0032) is "1\\2", expected 3 numbers'],
  [
    "a position of text",
    0x00200032,
    "1\\2\\x\u001b[2J",
    "FILE_CORRUPT",
    'its ImagePositionPatient (0020,0032) is "1\\2\\x [2J", expected 3 numbers',
  ],
  [
    "directions that are none",
    0x00200037,
    "1\\0\\0\\1\\0\\0",
    "FILE_CORRUPT",
    "its ImageOrientationPatient (0020,0037) is [1, 0, 0, 1, 0, 0], expected two directions of length 1 at right angles",
  ],
  ["a spacing of 0", 0x00280030, "0\\1", "FILE_CORRUPT", "its PixelSpacing is 0 and 1, expected positive lengths"],
  [
    "a slope of 0",
    0x00281053,
    "0",
    "FILE_CORRUPT",
    'its RescaleSlope is "0" and its RescaleIntercept "", expected numbers and a slope other than 0',
  ],
  ["several frames", 0x00280008, "12", "FILE_UNSUPPORTED", "it has 12 frames, expected one file per slice"],
  ["color", 0x00280004, "RGB", "FILE_UNSUPPORTED", 'its pixels are "RGB" of 1 samples, expected one number each'],
  ["three samples", 0x00280002, uint16(3), "FILE_UNSUPPORTED", 'its pixels are "MONOCHROME2" of 3 samples, expected one number each'],
  [
    "a lookup table",
    0x00283000,
    "x",
    "FILE_UNSUPPORTED",
    "its values go through a lookup table (0028,3000), expected a slope and an intercept",
  ],
  ["32 bits", 0x00280100, uint16(32), "FILE_UNSUPPORTED", "its pixels are 16 bits up to bit 15 of 32, expected the lowest bits of 8 or 16"],
  [
    "bits in the middle",
    0x00280102,
    uint16(13),
    "FILE_UNSUPPORTED",
    "its pixels are 16 bits up to bit 13 of 16, expected the lowest bits of 8 or 16",
  ],
];

describe("what makes no volume is refused", () => {
  test.each(BROKEN)("%s", async (_title, number, value, code, fact) => {
    const folder = series({ change: changed(number, value, 3) });
    for (const run of [readVolume, summarizeVolume]) {
      const error = await failureOf(run(folder));
      expect([error.code, error.message]).toEqual([code, `Cannot read DICOM file "${path.join(folder, "zz")}": ${fact}`]);
    }
  });

  const OTHER_SPACING = changed(0x00280030, "1\\2", 3);
  test.each([
    ["a size", series.bind(null, { change: resized }), '"0003.IMA" has the size 5 x 4 and "zz" 4 x 4'],
    ["a spacing", series.bind(null, { change: OTHER_SPACING }), '"0003.IMA" has the pixel spacing 1 x 1 and "zz" 2 x 1'],
    [
      "a direction",
      series.bind(null, { change: changed(0x00200037, "0\\1\\0\\0\\0\\-1", 3) }),
      '"0003.IMA" has the directions [1, 0, 0, 0, 1, 0] and "zz" [0, 1, 0, 0, 0, -1]',
    ],
    [
      "an element type",
      series.bind(null, { change: changed(0x00280103, uint16(0), 3) }),
      '"0003.IMA" has the element type int16 and "zz" uint16',
    ],
  ] as const)("%s of its own", async (_title, make, fact) => {
    const folder = make();
    const error = await failureOf(readVolume(folder));
    expect([error.code, error.message]).toEqual([
      "VOLUME_INVALID",
      `Cannot read DICOM series of "${folder}": ${fact}, expected slices that are alike`,
    ]);
  });

  function resized(tags: readonly Tag[], index: number): readonly Tag[] {
    return changed(0x7fe00010, pixels(32), 3)(changed(0x00280011, uint16(4), 3)(tags, index), index);
  }

  test.each([
    [
      "a slice is missing",
      [0, 1, 2, 4, 5, 6],
      '"0003.IMA" and "zz" are 5 mm apart and most others 2.5 mm (1 missing between them), expected slices at even distances',
    ],
    [
      "a slice is there twice",
      [0, 1, 2, 2, 3],
      '"0003.IMA" and "zz" have the same position, as slices of several time points do, expected one slice at each',
    ],
  ] as const)("%s", async (_title, chosen, fact) => {
    const folder = folderOf(
      root,
      chosen.map((index) => AXIAL[index] ?? Buffer.alloc(0)),
    );
    const error = await failureOf(readVolume(folder));
    expect([error.code, error.message]).toEqual(["VOLUME_INVALID", `Cannot read DICOM series of "${folder}": ${fact}`]);
  });

  test("a slice lies between two places, or beside the row", async () => {
    const moved = (place: string) => series({ change: changed(0x00200032, place, 3) });
    const between = moved("-10\\-20\\38");
    expect((await failureOf(readVolume(between))).message).toBe(
      `Cannot read DICOM series of "${between}": "0003.IMA" and "zz" are 3 mm apart and most others 2.5 mm, expected slices at even distances`,
    );
    const beside = moved("-11\\-20\\37.5");
    expect((await failureOf(readVolume(beside))).message).toBe(
      `Cannot read DICOM series of "${beside}": "zz" is 1 mm from its position on an even grid, expected slices in a row at even distances`,
    );
    // Rounded to one decimal is even enough.
    expect((await readVolume(moved("-10\\-20\\37.4"))).volume.spacing).toEqual([1, 1, 2.5]);
  });

  test("transfer syntaxes that are not read", async () => {
    for (const syntax of ["1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.102", "1.2.840.10008.1.2.4.201", "nonsense"]) {
      const folder = series({ syntax });
      const { code, message } = await failureOf(readVolume(folder));
      const known = "supported are uncompressed little-endian pixels, RLE, JPEG, JPEG-LS and JPEG 2000";
      expect([code, message]).toEqual([
        "FILE_UNSUPPORTED",
        `Cannot read DICOM file "${path.join(folder, "0003.IMA")}": it is written in the transfer syntax "${syntax}"; ${known}`,
      ]);
    }
  });

  test("sizes that no volume has", async () => {
    const declaring =
      (columns: number, rows: number) =>
      (tags: readonly Tag[], index: number): readonly Tag[] =>
        changed(0x00280010, uint16(rows))(changed(0x00280011, uint16(columns))(tags, index), index);
    // Small evenly coded streams may be large pictures of JPEG-LS; nine of them are no volume.
    const stream = () => ({ syntax: "1.2.840.10008.1.2.4.80", parts: [Buffer.alloc(100)] });
    const series9 = stored(() => 0, 9);
    const folder = series({ stream, change: declaring(8192, 8192) }, series9);
    const error = await failureOf(readVolume(folder));
    expect([error.code, error.message]).toEqual([
      "FILE_LIMIT",
      `Cannot read DICOM series of "${folder}": a volume of 8192 x 8192 x 9 voxels, the limit is 536,870,912`,
    ]);
    const [first] = NAMES.toSorted();
    for (const [syntax, columns, rows, bytes, fact, code] of [
      [RLE, 65_535, 65_535, 50, "it declares 65535 x 65535 pixels of RLE, the limit for a compressed slice is 67,108,864", "FILE_LIMIT"],
      [
        "1.2.840.10008.1.2.4.90",
        16_000,
        16_000,
        500,
        "it declares 16000 x 16000 pixels of JPEG 2000 lossless, the limit for a compressed slice is 67,108,864",
        "FILE_LIMIT",
      ],
      [RLE, 4096, 4096, 600, "its 600 bytes of RLE cannot contain 4096 x 4096 pixels, which take at least 524288", "FILE_TRUNCATED"],
      [
        "1.2.840.10008.1.2.4.70",
        512,
        512,
        600,
        "its 600 bytes of JPEG lossless cannot contain 512 x 512 pixels, which take at least 32768",
        "FILE_TRUNCATED",
      ],
      [
        "1.2.840.10008.1.2.4.50",
        512,
        512,
        600,
        "its 600 bytes of JPEG baseline cannot contain 512 x 512 pixels, which take at least 1024",
        "FILE_TRUNCATED",
      ],
    ] as const) {
      const short = series({ stream: () => ({ syntax, parts: [Buffer.alloc(bytes)] }), change: declaring(columns, rows) });
      const failure = await failureOf(readVolume(short));
      expect([failure.code, failure.message]).toEqual([code, `Cannot read DICOM file "${path.join(short, first ?? "")}": ${fact}`]);
    }
  });

  test("a file that is cut off anywhere, or has random bytes, ends in a result or one typed line", async () => {
    const file = AXIAL[3] ?? Buffer.alloc(0);
    const check = async (bytes: Uint8Array): Promise<void> => {
      const folder = folderOf(root, [...AXIAL.slice(0, 3), bytes, ...AXIAL.slice(4)]);
      const start = performance.now();
      const result: unknown = await readVolume(folder).catch((thrown: unknown) => thrown);
      expect(performance.now() - start).toBeLessThan(TIME_LIMIT_MS);
      rmSync(folder, { recursive: true });
      if (result instanceof InceptionError) expect(result.message).toMatch(/^Cannot [^\n]+$/);
      else if (result instanceof Error) throw result;
    };
    // Never a volume with a slice less: the last one could be missing without a gap. Before byte 132 it is no DICOM file.
    const last = AXIAL[6] ?? Buffer.alloc(0);
    const folder = folderOf(root, AXIAL.slice(0, 6));
    for (let length = 132; length < last.length; length++) {
      writeFileSync(path.join(folder, "last"), last.subarray(0, length));
      expect((await failureOf(readVolume(folder))).code, `${length} bytes`).toMatch(/^FILE_(CORRUPT|TRUNCATED)$/);
    }
    const change = fc.tuple(
      fc.integer({ min: 132, max: file.length - 1 }),
      fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0, 0x7f, 0xff)),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 5 }), async (changes) => {
        const bytes = Buffer.from(file);
        for (const [at, byte] of changes) bytes[at] = byte;
        await check(bytes);
      }),
      { numRuns: 300 },
    );
  }, 120_000);

  test("sequences nested without end", async () => {
    const open = Buffer.from([0x08, 0, 0x40, 0x11, 0x53, 0x51, 0, 0, 255, 255, 255, 255, 0xfe, 0xff, 0, 0xe0, 255, 255, 255, 255]);
    const folder = folderOf(root, [Buffer.concat([dicomFile([]), ...new Array<Buffer>(200_000).fill(open)])]);
    const error = await failureOf(readVolume(folder));
    expect(error.message).toBe(
      `Cannot read DICOM file "${path.join(folder, "IM4")}": its tags are damaged or truncated (Maximum call stack size exceeded)`,
    );
  });
});
