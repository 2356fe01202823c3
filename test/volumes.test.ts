/** Volume files, read and written: crafted and damaged ones, round trips, limits. The awkward files are in volumes-awkward.test.ts. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createVolume, type Triple, type VolumeData } from "../src/data/volumes/volume.js";
import { InceptionError } from "../src/errors.js";
import { type NiftiHeader, parseNiftiHeader } from "../src/formats/nifti.js";
import { encodeNifti } from "../src/formats/nifti-encode.js";
import { NIFTI1, NIFTI2, type NiftiLayout } from "../src/formats/nifti-layout.js";
import { storedVoxels } from "../src/formats/nifti-voxels.js";
import { readVolume, readVolumes, summarizeVolume, writeVolume } from "../src/node/volumes.js";
import { failureOf } from "./failures.js";
import { sharedPath, titleNeeding } from "./shared.js";

/** Far above what small files need (a few ms), far below what a person would wait. */
const TIME_LIMIT_MS = 2000;
/** What one small damaged file may add to the process; buffers of the unpacker and of other tests are some MB. */
const MAX_MEMORY = 200 * 2 ** 20;

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "inception-volumes-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const OBLIQUE = [-1.5, 0.25, 0, 10, 0.2, 1.9, 0.5, -20, 0.1, -0.4, 2.5, 30, 0, 0, 0, 1];
const SMALL = createVolume([3, 2, 2], Int16Array.of(-5, 4, 3, 2, 1, 0, 300, -2, 7, 8, 9, 10), OBLIQUE);

function joined(parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat(parts.map((part) => Buffer.from(part)));
}

/** The bytes of a small file, changed by hand. */
function file(change: (view: DataView) => void = () => undefined, like: NiftiHeader | null = null): Buffer {
  const bytes = joined(encodeNifti(SMALL, like));
  change(new DataView(bytes.buffer, bytes.byteOffset, bytes.length));
  return bytes;
}

async function save(name: string, bytes: Uint8Array): Promise<string> {
  const full = path.join(folder, name);
  writeFileSync(full, bytes);
  return full;
}

/** Three equal sizes of a NIfTI-1 header. */
function sizes(view: DataView, dim: number): void {
  for (const at of [42, 44, 46]) view.setInt16(at, dim, true);
}

const VERSION_2: NiftiHeader = { ...parseNiftiHeader(file(), "small"), version: 2 };
const KNOWN = "uint8, int16, int32, float32, float64, int8, uint16, uint32, int64, uint64";

const CRAFTED: readonly (readonly [title: string, change: (view: DataView) => void, code: string, fact: string])[] = [
  ["a size of 0", (v) => v.setInt16(42, 0, true), "FILE_CORRUPT", "dim[1] is 0, expected a positive size"],
  [
    "more voxels than one volume may have",
    (v) => sizes(v, 32767),
    "FILE_LIMIT",
    "a volume of 32767 x 32767 x 32767 voxels, the limit is 536,870,912",
  ],
  [
    "more voxels than the file has",
    (v) => v.setInt16(42, 32767, true),
    "FILE_TRUNCATED",
    "its header declares 262488 bytes, the file contains 376",
  ],
  [
    "as many time points as can be said",
    (v) => {
      v.setInt16(40, 7, true);
      for (const at of [48, 50, 52, 54]) v.setInt16(at, 32767, true);
    },
    "FILE_CORRUPT",
    "[3, 2, 2, 32767, 32767, 32767, 32767] are more voxels than a file can contain",
  ],
  [
    "an affine that is not a number",
    (v) => v.setFloat32(280, Number.NaN, true),
    "FILE_CORRUPT",
    "its sform [NaN, 0.25, 0, 10, 0.20000000298023224, 1.899999976158142, 0.5, -20, 0.10000000149011612, -0.4000000059604645, 2.5, 30] is not finite; expected an affine from voxels to world coordinates",
  ],
  [
    "a flat affine",
    (v) => Array.from({ length: 12 }, (_, index) => v.setFloat32(280 + 4 * index, 0, true)),
    "FILE_CORRUPT",
    "its sform gives the affine [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], which is singular",
  ],
  [
    "a quaternion that is none",
    (v) => {
      v.setInt16(254, 0, true);
      v.setInt16(252, 1, true);
      v.setFloat32(256, 2, true);
    },
    "FILE_CORRUPT",
    "its qform's quaternion [2, 0, 0] with offset [0, 0, 0] is not a rotation and translation; expected an affine from voxels to world coordinates",
  ],
  [
    "an infinite spacing",
    (v) => v.setFloat32(84, Number.POSITIVE_INFINITY, true),
    "FILE_CORRUPT",
    "pixdim[2] is Infinity, expected a length",
  ],
  [
    "an intercept that is not a number",
    (v) => v.setFloat32(116, Number.NaN, true),
    "FILE_CORRUPT",
    "scl_inter is NaN beside the slope 1, expected a number",
  ],
  ["voxels inside the header", (v) => v.setFloat32(108, 16, true), "FILE_CORRUPT", "vox_offset is 16, expected at least 352"],
  ["voxels at no place", (v) => v.setFloat32(108, Number.NaN, true), "FILE_CORRUPT", "vox_offset is NaN, expected at least 352"],
  [
    "voxels far behind the end",
    (v) => v.setFloat32(108, 2 ** 40, true),
    "FILE_TRUNCATED",
    "its header declares 1099511627800 bytes, the file contains 376",
  ],
  [
    "complex voxels",
    (v) => v.setInt16(70, 32, true),
    "FILE_UNSUPPORTED",
    `its voxels are complex64, which are not one number each; supported are ${KNOWN}`,
  ],
  [
    "RGBA voxels",
    (v) => v.setInt16(70, 2304, true),
    "FILE_UNSUPPORTED",
    `its voxels are RGBA, which are not one number each; supported are ${KNOWN}`,
  ],
  [
    "an unknown element type",
    (v) => v.setInt16(70, -7, true),
    "FILE_UNSUPPORTED",
    `its element type has the unknown code -7; supported are ${KNOWN}`,
  ],
  [
    "the magic of a pair",
    (v) => v.setUint8(345, 0x69),
    "FILE_CORRUPT",
    "its magic bytes are those of the header of a pair, its name is that of one file with its voxels",
  ],
  [
    "no magic",
    (v) => v.setUint8(344, 0),
    "FILE_UNRECOGNIZED",
    "its magic bytes are not those of NIfTI-1 or NIfTI-2 (Analyze 7.5, which does not define left and right, is not supported)",
  ],
];

describe("crafted headers", () => {
  test.each(CRAFTED)("%s", async (_title, change, code, fact) => {
    const name = await save("crafted.nii", file(change));
    const error = await failureOf(readVolume(name));
    expect([error.code, error.message]).toEqual([code, `Cannot read NIfTI file "${name}": ${fact}`]);
  });

  test("sizes of 64 bits that multiply to the right number of bytes", async () => {
    const bytes = file((v) => {
      for (const [axis, dim] of [2n ** 62n, 4n, 1n].entries()) v.setBigInt64(24 + 8 * axis, dim, true);
    }, VERSION_2);
    const name = await save("wrapped.nii", bytes);
    expect((await failureOf(readVolume(name))).message).toBe(
      `Cannot read NIfTI file "${name}": a volume of 4611686018427388000 x 4 x 1 voxels, the limit is 536,870,912`,
    );
  });

  test("a gzip bomb is not unpacked further than its header asks for", async () => {
    const bomb = gzipSync(Buffer.concat([file(), Buffer.alloc(2 ** 28)]));
    const name = await save("bomb.nii.gz", bomb);
    const before = process.memoryUsage().rss;
    const start = performance.now();
    expect((await failureOf(readVolume(name))).message).toBe(`Cannot read NIfTI file "${name}": more than 1048576 bytes follow its voxels`);
    expect(performance.now() - start).toBeLessThan(TIME_LIMIT_MS);
    expect(process.memoryUsage().rss - before).toBeLessThan(MAX_MEMORY);
  });

  test("a small gzip file that promises gigabytes is refused before room is made", async () => {
    const name = await save("promise.nii.gz", gzipSync(file((v) => sizes(v, 800))));
    const error = await failureOf(readVolume(name));
    expect(error.code).toBe("FILE_TRUNCATED");
    expect(error.message).toMatch(
      /^Cannot read NIfTI file ".*promise\.nii\.gz": its header declares 1,024,000,352 bytes, its [\d,]+ compressed bytes cannot decode to more than [\d,]+$/,
    );
  });
});

describe("names", () => {
  test.each([
    [
      "scan.dcm",
      "FILE_UNRECOGNIZED",
      'Cannot read "scan.dcm" as a volume: its name does not end in .nii, .hdr or .img, with or without .gz, and it is not a directory of DICOM slices',
    ],
    ["none.nii", "FILE_NOT_FOUND", 'Cannot open "none.nii": no such file or directory'],
  ])("%s", async (name, code, message) => {
    const error = await failureOf(readVolume(name));
    expect([error.code, error.message]).toEqual([code, message]);
  });

  test("a pair is read by either name, packed or not, in capitals too", async () => {
    const pair = file((v) => {
      v.setUint8(345, 0x69);
      v.setFloat32(108, 0, true);
    });
    for (const [header, data, pack] of [
      ["a.hdr", "a.img", false],
      ["b.hdr.gz", "b.img.gz", true],
      ["C.HDR", "C.IMG", false],
    ] as const) {
      const [headerFile, dataFile] = [
        await save(header, pack ? gzipSync(pair.subarray(0, 348)) : pair.subarray(0, 348)),
        await save(data, pack ? gzipSync(pair.subarray(352)) : pair.subarray(352)),
      ];
      expect((await readVolume(headerFile)).volume.data).toEqual(SMALL.data);
      expect((await readVolume(dataFile)).volume.data).toEqual(SMALL.data);
    }
    rmSync(path.join(folder, "a.img"));
    expect((await failureOf(readVolume(path.join(folder, "a.hdr")))).message).toBe(
      `Cannot open "${path.join(folder, "a.img")}": no such file or directory`,
    );
  });
});

describe("values", () => {
  const TYPES: readonly (readonly [code: number, bytes: number, set: (view: DataView, at: number, value: number) => void])[] = [
    [2, 1, (v, at, value) => v.setUint8(at, value)],
    [4, 2, (v, at, value) => v.setInt16(at, value, false)],
    [8, 4, (v, at, value) => v.setInt32(at, value, false)],
    [16, 4, (v, at, value) => v.setFloat32(at, value, false)],
    [64, 8, (v, at, value) => v.setFloat64(at, value, false)],
    [256, 1, (v, at, value) => v.setInt8(at, value)],
    [512, 2, (v, at, value) => v.setUint16(at, value, false)],
    [768, 4, (v, at, value) => v.setUint32(at, value, false)],
    [1024, 8, (v, at, value) => v.setBigInt64(at, BigInt(value), false)],
    [1280, 8, (v, at, value) => v.setBigUint64(at, BigInt(value), false)],
  ];

  /** A big-endian NIfTI-1 file of 2 x 1 x 1 voxels, written field by field. */
  function bigEndian(code: number, bytes: number, slope: number, intercept: number): Buffer {
    const out = Buffer.alloc(352 + 2 * bytes);
    const view = new DataView(out.buffer, out.byteOffset, out.length);
    view.setInt32(0, 348);
    for (const [index, dim] of [3, 2, 1, 1].entries()) view.setInt16(40 + 2 * index, dim);
    view.setInt16(70, code);
    view.setFloat32(108, 352);
    view.setFloat32(112, slope);
    view.setFloat32(116, intercept);
    out.set(NIFTI1.magic.single, 344);
    return out;
  }

  test.each(TYPES)("element type %i in the other byte order, plain and scaled", async (code, bytes, set) => {
    for (const [slope, intercept] of [
      [0, 0],
      [0.5, -3],
    ] as const) {
      const out = bigEndian(code, bytes, slope, intercept);
      const view = new DataView(out.buffer, out.byteOffset, out.length);
      set(view, 352, 100);
      set(view, 352 + bytes, 7);
      const { volume, header } = await readVolume(await save("big.nii", out));
      expect(header?.littleEndian).toBe(false);
      expect([...volume.data]).toEqual(slope === 0 ? [100, 7] : [47, 0.5]);
      expect(volume.data).toBeInstanceOf(slope === 0 && code !== 64 ? volume.data.constructor : Float32Array);
      expect(volume.affine).toEqual([-1, 0, 0, 0.5, 0, 1, 0, -0, 0, 0, 1, -0, 0, 0, 0, 1]);
    }
  });

  test("a 64-bit integer that 32 bits do not hold", async () => {
    const out = bigEndian(1024, 8, 0, 0);
    new DataView(out.buffer, out.byteOffset).setBigInt64(360, -(2n ** 40n));
    const name = await save("long.nii", out);
    expect((await failureOf(readVolume(name))).message).toBe(
      `Cannot read NIfTI file "${name}": voxel 1 is the int64 -1099511627776, which does not fit into 32 bits`,
    );
    expect(await summarizeVolume(name)).toMatchObject({ min: -(2 ** 40), max: 0, mean: -(2 ** 39) });
  });

  test("one of several volumes, chosen by index", async () => {
    const series = (bytes: Buffer): Buffer =>
      Buffer.concat([bytes, Buffer.from(Int16Array.from(SMALL.data, (value) => value + 1000).buffer)]);
    const bytes = series(
      file((v) => {
        v.setInt16(40, 4, true);
        v.setInt16(48, 2, true);
      }),
    );
    for (const name of [await save("series.nii", bytes), await save("series.nii.gz", gzipSync(bytes))]) {
      expect((await readVolume(name, { index: 0 })).volume.data).toEqual(SMALL.data);
      expect((await readVolume(name, { index: 1 })).volume.data[0]).toBe(995);
      expect((await failureOf(readVolume(name))).message).toBe(
        `Cannot read one volume: "${name}" contains 2 volumes (shape [3, 2, 2, 2]); choose one by index, 0 to 1`,
      );
      expect((await failureOf(readVolume(name, { index: 2 }))).message).toBe(
        `Cannot read volume 2: "${name}" contains 2 volumes (shape [3, 2, 2, 2]), expected an index from 0 to 1`,
      );
    }
  });

  test("all of several volumes, in one pass", async () => {
    const channels = 3;
    const data = Array.from({ length: channels }, (_, channel) => Int16Array.from(SMALL.data, (value) => value + 1000 * channel));
    const header = file((v) => {
      v.setInt16(40, 4, true);
      v.setInt16(48, channels, true);
    }).subarray(0, 352);
    const bytes = Buffer.concat([header, ...data.map(({ buffer }) => Buffer.from(buffer))]);
    for (const name of [await save("channels.nii", bytes), await save("channels.nii.gz", gzipSync(bytes))]) {
      const all = await readVolumes(name);
      expect(all.volumes.map((volume) => volume.data)).toEqual(data);
      expect(all.header?.shape).toEqual([3, 2, 2, 3]);
      for (const [index, volume] of all.volumes.entries()) expect(volume).toEqual((await readVolume(name, { index })).volume);
    }
    const cut = await save("cut.nii.gz", gzipSync(bytes.subarray(0, bytes.length - 2)));
    expect((await failureOf(readVolumes(cut))).code).toBe("FILE_TRUNCATED");
    expect((await readVolumes(await save("single.nii", file()))).volumes).toHaveLength(1);
  });

  test("more than memory is meant for is not read at once", async () => {
    const name = path.join(folder, "many.nii");
    const bytes = file((v) => {
      v.setInt16(40, 4, true);
      for (const at of [42, 44, 46, 48]) v.setInt16(at, 256, true);
    });
    writeFileSync(name, bytes);
    // A file with a hole: as long as the header says, without taking the disk.
    truncateSync(name, 352 + 2 * 256 ** 4);
    const error = await failureOf(readVolumes(name));
    expect([error.code, error.message]).toEqual([
      "FILE_LIMIT",
      `Cannot read NIfTI file "${name}": its 256 volumes have 4,294,967,296 voxels, the limit for reading them at once is 536,870,912; read one by its index`,
    ]);
    rmSync(name);
  });
});

describe("writing", () => {
  const ARRAYS: readonly VolumeData[] = [
    Float32Array.of(1.5, Number.NaN, -3, 4),
    Int8Array.of(-128, 127, 0, 1),
    Uint8Array.of(0, 255, 1, 2),
    Int16Array.of(-32768, 32767, 0, 1),
    Uint16Array.of(65535, 0, 1, 2),
    Int32Array.of(-(2 ** 31), 2 ** 31 - 1, 0, 1),
    Uint32Array.of(2 ** 32 - 1, 0, 1, 2),
  ];

  test.each(ARRAYS.map((data) => [data.constructor.name, data] as const))("%s comes back as it was", async (_name, data) => {
    for (const ending of ["nii", "nii.gz"]) {
      for (const like of [null, VERSION_2]) {
        const name = path.join(folder, `out.${ending}`);
        await writeVolume(name, createVolume([2, 1, 2], data, OBLIQUE), like);
        const { volume, header } = await readVolume(name);
        expect(volume.data).toEqual(data);
        expect(volume.shape).toEqual([2, 1, 2]);
        for (const [index, value] of volume.affine.entries()) expect(value).toBeCloseTo(OBLIQUE[index] ?? Number.NaN, 5);
        expect([header?.version, header?.units.space]).toEqual([like === null ? 1 : 2, "mm"]);
      }
    }
  });

  test("a volume of more than 32767 voxels along an axis is NIfTI-2", async () => {
    const name = path.join(folder, "long.nii");
    await writeVolume(name, createVolume([40_000, 1, 1], new Uint8Array(40_000)));
    expect((await readVolume(name)).header).toMatchObject({ version: 2, shape: [40_000, 1, 1] });
  });

  test("another ending is refused and nothing is written", async () => {
    const error = await failureOf(writeVolume(path.join(folder, "mask.img"), SMALL));
    expect([error.code, error.message]).toEqual([
      "OPTION_INVALID",
      `Cannot write "${path.join(folder, "mask.img")}": the name of a volume ends in .nii or .nii.gz`,
    ]);
    const unfit = { ...SMALL, affine: SMALL.affine.map(() => Number.NaN) };
    const failures = [
      await failureOf(writeVolume(path.join(folder, "unfit.nii"), unfit)),
      await failureOf(writeVolume(path.join(folder, "unfit.nii"), { ...SMALL, data: new Uint8Array(3) })),
    ];
    expect(failures.map(({ code }) => code)).toEqual(["VOLUME_INVALID", "VOLUME_INVALID"]);
    expect(failures.map(({ message }) => message)).toEqual([
      `Cannot write a volume with the affine [${unfit.affine.join(", ")}]: expected 16 finite numbers, row by row, the last four 0, 0, 0, 1`,
      "Cannot write a volume of 3 x 2 x 2 voxels over 3 values: expected x * y * z values",
    ]);
    expect(readdirSync(folder).filter((entry) => entry.includes("unfit") || entry.includes("mask"))).toEqual([]);
  });

  const MSD = "data/msd_hippocampus";
  const msd = sharedPath(MSD);
  test.skipIf(!msd)(titleNeeding("a label map written beside its image has the image's geometry, field by field", msd, MSD), async () => {
    for (const id of ["001", "003", "368"]) {
      const image = path.join(msd ?? "", `imagesTr/hippocampus_${id}.nii.gz`);
      const label = path.join(msd ?? "", `labelsTr/hippocampus_${id}.nii.gz`);
      const { header } = await readVolume(image);
      const mask = (await readVolume(label)).volume;
      expect([...new Set(mask.data)].toSorted()).toEqual([0, 1, 2]);
      const out = path.join(folder, "labels.nii.gz");
      await writeVolume(out, mask, header);
      const written = await readVolume(out);
      expect(written.volume).toEqual(mask);
      const { shape, spacing, affine, affineFrom, qform, sform, units } = header ?? {};
      expect(shape).toHaveLength(3);
      expect(written.header).toMatchObject({ shape, spacing, affine, affineFrom, qform, sform, units });
    }
  });
});

/** Random changes where they matter: the fields that decide sizes and places. */
function mutations(layout: NiftiLayout): fc.Arbitrary<readonly (readonly [at: number, byte: number])[]> {
  const where = fc.oneof(
    fc.integer({ min: 0, max: layout.headerBytes + 3 }),
    fc
      .constantFrom(layout.dim, layout.datatype, layout.voxOffset, layout.pixdim, layout.srow, layout.slope)
      .chain((start) => fc.integer({ min: start, max: start + 15 })),
  );
  return fc.array(fc.tuple(where, fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0, 1, 0x7f, 0x80, 0xff))), {
    minLength: 1,
    maxLength: 6,
  });
}

describe("damaged files", () => {
  const check = async (name: string, bytes: Uint8Array): Promise<void> => {
    const full = await save(name, bytes);
    for (const run of [() => readVolume(full), () => summarizeVolume(full)]) {
      const start = performance.now();
      const result: unknown = await run().catch((thrown: unknown) => thrown);
      expect(performance.now() - start).toBeLessThan(TIME_LIMIT_MS);
      if (result instanceof InceptionError) expect(result.message).toMatch(/^Cannot [^\n]+$/);
      else if (result instanceof Error) throw result;
    }
  };

  test.each([
    ["NIfTI-1", NIFTI1, null],
    ["NIfTI-2", NIFTI2, VERSION_2],
  ] as const)(
    "%s with random bytes, plain and packed, never crashes, hangs or fills memory",
    async (_title, layout, like) => {
      const before = process.memoryUsage().rss;
      await fc.assert(
        fc.asyncProperty(mutations(layout), async (changes) => {
          const bytes = file(() => undefined, like);
          for (const [at, byte] of changes) bytes[at] = byte;
          await check("mutated.nii", bytes);
          await check("mutated.nii.gz", gzipSync(bytes));
        }),
        { numRuns: 300 },
      );
      expect(process.memoryUsage().rss - before).toBeLessThan(MAX_MEMORY);
    },
    60_000,
  );

  test("a packed file with random bytes, or cut off anywhere", async () => {
    const packed = gzipSync(file());
    await fc.assert(
      fc.asyncProperty(fc.nat(packed.length - 1), fc.integer({ min: 0, max: 255 }), fc.nat(packed.length), async (at, byte, length) => {
        const bytes = Buffer.from(packed);
        bytes[at] = byte;
        await check("packed.nii.gz", bytes);
        await check("cut.nii.gz", packed.subarray(0, length));
      }),
      { numRuns: 100 },
    );
  }, 60_000);

  test("a header survives being written and read", () => {
    fc.assert(
      fc.property(
        fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 })),
        fc.array(fc.float({ noNaN: true, noDefaultInfinity: true, min: -1000, max: 1000 }), { minLength: 12, maxLength: 12 }),
        (shape: Triple, rows) => {
          const data = Int16Array.from({ length: shape[0] * shape[1] * shape[2] }, (_, index) => index - 3);
          const [header, voxels] = encodeNifti({ shape, data, affine: [...rows, 0, 0, 0, 1] });
          const parsed = parseNiftiHeader(header, "x");
          expect(parsed.affine).toEqual([...rows, 0, 0, 0, 1]);
          expect(parsed.shape).toEqual(shape);
          expect(storedVoxels(parsed, voxels)).toEqual(data);
        },
      ),
    );
  });

  test("what is written packed is the plain file, packed", async () => {
    const [plain, packed] = [path.join(folder, "same.nii"), path.join(folder, "same.nii.gz")];
    await writeVolume(plain, SMALL);
    await writeVolume(packed, SMALL);
    expect(gunzipSync(readFileSync(packed)).equals(readFileSync(plain))).toBe(true);
  });
});
