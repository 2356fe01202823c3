import { existsSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { deflateRawSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { InceptionError } from "../src/errors.js";
import { MAX_SHARING, OPEN_ENDED, readWhole, smallWeightFiles } from "./fuzz/weight-files.js";
import { sharedPath, titleNeeding } from "./shared.js";
import { concat, LEGACY_HEAD, legacyFile, pickle, storageId, u32, u64, zipCheckpoint, zipFile } from "./weight-fixtures.js";

/** Far above what small files need (a few ms), far below what a person would wait. */
const TIME_LIMIT_MS = 1000;
/** The crafted files run into the limits, the largest of them a million opcodes, which take 0.6 s on a free core. */
const CRAFTED_LIMIT_MS = 5000;

function safetensorsFile(header: string, dataBytes: number): Uint8Array {
  return concat(u64(header.length), new TextEncoder().encode(header), new Uint8Array(dataBytes));
}

function view(shape: readonly number[], strides: readonly number[], count = 4) {
  return pickle.call("torch._utils", "_rebuild_tensor_v2", [storageId("FloatStorage", "0", count), 0, shape, strides]);
}

const STORAGE = { "0": new Uint8Array(16) };
const P2 = [0x80, 2];

/** Lists in lists, each holding the one before `width` times: width^levels paths in a few hundred bytes. */
function tower(levels: number, width: number): Uint8Array {
  const lists = Array.from({ length: levels }, (_, level) => [
    ...[0x5d, 0x71, level + 1, 0x28],
    ...Array<number[]>(width).fill([0x68, level]).flat(),
    ...[0x65, 0x30],
  ]);
  return concat(P2, [0x5d, 0x71, 0, 0x30], ...lists, [0x7d, 0x4b, 0, 0x68, levels, 0x73, 0x2e]);
}

const marker = path.join(tmpdir(), `inceptionkit-marker-${process.pid}`);
afterAll(() => rmSync(marker, { force: true }));
const command = `touch ${marker}`;
const attack = concat(P2, pickle.raw("cposix\nsystem\nX", u32(command.length), command, [0x85], "R."));
const UNSAFE =
  'Cannot read the pickle of "x": it references "posix.system", which is not on the list of allowed globals; nothing was executed; save model.state_dict() instead of the whole model';

const BOMB = zipFile([
  { name: "x/data.pkl", bytes: pickle.dump({ w: view([10_000_000], [1], 10_000_000) }) },
  { name: "x/data/0", bytes: deflateRawSync(new Uint8Array(40_000_000)), method: 8, size: 40_000_000 },
]);
const HUGE_STORAGE = legacyFile(pickle.dump({ w: view([4], [1]) }), [["0", 2n ** 63n - 1n, new Uint8Array(16)]]);

const CRAFTED: readonly (readonly [title: string, bytes: Uint8Array, code: string, message: string])[] = [
  [
    "safetensors with a header of 2^60 bytes",
    concat(u64(2n ** 60n), new TextEncoder().encode('{"a":1}')),
    "FILE_LIMIT",
    'Cannot read safetensors file "x": header length is 1,152,921,504,606,846,976 bytes, the limit is 8,388,608',
  ],
  [
    "safetensors with overlapping tensors",
    safetensorsFile('{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}', 12),
    "FILE_CORRUPT",
    'Cannot read tensor "b" of "x": data starts at 4, inside another tensor that ends at 8',
  ],
  [
    "safetensors with a negative dimension",
    safetensorsFile('{"a":{"dtype":"F32","shape":[-2,-2],"data_offsets":[0,16]}}', 16),
    "FILE_CORRUPT",
    'Cannot read tensor "a" of "x": shape must be a list of at most 64 integers in [0, 2^53)',
  ],
  [
    "safetensors whose product of dimensions wraps around 2^64 to the right size",
    safetensorsFile('{"a":{"dtype":"F32","shape":[4294967296,4294967296,1],"data_offsets":[0,0]}}', 0),
    "FILE_CORRUPT",
    'Cannot read tensor "a" of "x": float32 [4294967296, 4294967296, 1] needs 2^53 bytes or more, data_offsets span 0 bytes',
  ],
  [
    "safetensors nested without end",
    safetensorsFile(`{"a":${"[".repeat(1_000_000)}`, 0),
    "FILE_CORRUPT",
    'Cannot read the header of "x" as JSON: nesting is deeper than 16 at character 21',
  ],
  ["a zip whose pickle calls os.system", zipCheckpoint(attack, STORAGE), "FILE_UNSAFE", UNSAFE],
  ["a legacy file whose pickle calls os.system", legacyFile(attack, []), "FILE_UNSAFE", UNSAFE],
  [
    "a zip whose pickle names eval on the stack",
    zipCheckpoint(pickle.raw([0x80, 4, 0x8c, 8], "builtins", [0x8c, 4], "eval", [0x93], "."), {}),
    "FILE_UNSAFE",
    UNSAFE.replace("posix.system", "builtins.eval"),
  ],
  [
    "a zip bomb",
    zipFile([{ name: "x/data.pkl", bytes: deflateRawSync(new Uint8Array(10_000_000)), method: 8, size: 10_000_000 }]),
    "FILE_UNSUPPORTED",
    'Cannot read zip file "x": entry "x/data.pkl" is compressed with method 8, only stored entries are supported; save the file again with torch.save',
  ],
  [
    "a zip bomb among the storages",
    BOMB,
    "FILE_LIMIT",
    `Cannot read PyTorch file "x": its tensors take 40,000,000 bytes, the limit is 8 times the file size of ${BOMB.length.toLocaleString("en-US")}`,
  ],
  [
    "a zip that declares more than it stores",
    zipFile([{ name: "x/data.pkl", bytes: pickle.dump({}), size: 2 ** 31, packedSize: 2 ** 31 }]),
    "FILE_CORRUPT",
    'Cannot read zip file "x": entry "x/data.pkl" covers bytes 0 to 2147483678, the next part of the file starts at 46',
  ],
  [
    "a zip whose directory is another archive's",
    zipFile([{ name: "x/data.pkl", bytes: pickle.dump({}), localName: "y/data.pkl" }]),
    "FILE_CORRUPT",
    'Cannot read zip file "x": entry "x/data.pkl" is named "y/data.pkl" in its local header',
  ],
  [
    "a zip with two pickles",
    zipFile([
      { name: "x/data.pkl", bytes: pickle.dump({}) },
      { name: "y/data.pkl", bytes: attack },
    ]),
    "FILE_CORRUPT",
    'Cannot read PyTorch file "x": the archive has 2 entries named data.pkl, expected 1',
  ],
  [
    "a zip with a second pickle behind the first",
    zipCheckpoint(concat(pickle.dump({ w: view([4], [1]) }), attack), STORAGE),
    "FILE_CORRUPT",
    `Cannot read PyTorch file "x": its pickle ends at byte ${pickle.dump({ w: view([4], [1]) }).length} of ${pickle.dump({ w: view([4], [1]) }).length + attack.length}`,
  ],
  [
    "a pickle larger than any state dict's",
    zipCheckpoint(new Uint8Array(17_000_000), {}),
    "FILE_LIMIT",
    'Cannot read PyTorch file "x": entry "x/data.pkl" has 17,000,000 bytes, the limit is 16,777,216',
  ],
  [
    "a dict that holds itself",
    zipCheckpoint(pickle.raw(P2, "}q", [0], "K", [1], "h", [0], "s."), {}),
    "FILE_LIMIT",
    `Cannot read PyTorch file "x": its dicts nest deeper than 16 at "${Array(17).fill(1).join(".")}"`,
  ],
  [
    "a list that holds itself a thousand times",
    zipCheckpoint(pickle.raw(P2, "}K", [1], "]q", [0], "(", `h${"\0"}`.repeat(1000), "es."), {}),
    "FILE_LIMIT",
    `Cannot read PyTorch file "x": its dicts nest deeper than 16 at "1.${Array(16).fill(0).join(".")}"`,
  ],
  [
    "lists with 2^60 paths",
    zipCheckpoint(tower(60, 2), {}),
    "FILE_LIMIT",
    `Cannot read PyTorch file "x": its dicts nest deeper than 16 at "${Array(17).fill(0).join(".")}"`,
  ],
  [
    "lists with 100^4 paths",
    zipCheckpoint(tower(4, 100), {}),
    "FILE_LIMIT",
    'Cannot read PyTorch file "x": its dicts have more than 1000000 entries',
  ],
  [
    "a text of 2^60 bytes",
    zipCheckpoint(pickle.raw(P2, [0x8d], u64(2n ** 60n), "a."), {}),
    "FILE_TRUNCATED",
    `Cannot read the pickle of "x": BINUNICODE8 at byte 2 needs ${2 ** 60} bytes, 2 are left`,
  ],
  [
    "an integer of 2^31 - 1 bytes",
    zipCheckpoint(pickle.raw(P2, [0x8b], u32(2 ** 31 - 1), "a."), {}),
    "FILE_LIMIT",
    'Cannot read the pickle of "x": LONG4 at byte 2 contains an integer of 2,147,483,647 bytes, the limit is 32',
  ],
  [
    "an empty stack",
    zipCheckpoint(pickle.raw(P2, "R."), {}),
    "FILE_CORRUPT",
    'Cannot read the pickle of "x": REDUCE at byte 2 needs 2 values on the stack, it has 0',
  ],
  [
    "ten million opcodes",
    zipCheckpoint(pickle.raw(P2, "}".repeat(10_000_000), "."), {}),
    "FILE_LIMIT",
    'Cannot read the pickle of "x": it has more than 1000000 opcodes',
  ],
  [
    "a legacy head of a million opcodes",
    concat(LEGACY_HEAD.subarray(0, 15), pickle.raw(P2, "}".repeat(1_000_000))),
    "FILE_LIMIT",
    'Cannot read the pickle of "x": it has more than 1000 opcodes',
  ],
  [
    "a legacy file that never ends its pickle",
    concat(LEGACY_HEAD, P2, pickle.raw("X", u32(20_000_000)), new Uint8Array(20_000_010)),
    "FILE_LIMIT",
    'Cannot read PyTorch file "x": its pickles do not end within 16777216 bytes',
  ],
  [
    "a legacy storage of 2^63 - 1 elements",
    HUGE_STORAGE,
    "FILE_CORRUPT",
    `Cannot read PyTorch file "x": storage "0" has 9223372036854775807 elements at byte ${HUGE_STORAGE.length - 24}, its tensors declare 4`,
  ],
  [
    "a tensor of a million times its storage",
    zipCheckpoint(pickle.dump({ w: view([1_000_000, 4], [0, 1]) }), STORAGE),
    "FILE_UNSUPPORTED",
    'Cannot read tensor "w" of "x": float32 [1000000, 4] repeats elements of a storage of 4; call contiguous() before saving',
  ],
  [
    "strides that leave the storage",
    zipCheckpoint(pickle.dump({ w: view([2, 2], [2 ** 30, 1]) }), STORAGE),
    "FILE_CORRUPT",
    'Cannot read tensor "w" of "x": float32 [2, 2] ends at element 1073741826 of storage "0", which has 4',
  ],
];

describe("crafted files", () => {
  it.each(CRAFTED)("%s", async (_, bytes, code, message) => {
    const start = performance.now();
    await expect(readWhole(bytes)).rejects.toMatchObject({ code, message });
    expect(performance.now() - start).toBeLessThan(CRAFTED_LIMIT_MS);
  });

  it("nothing in them was executed", () => {
    expect(existsSync(marker)).toBe(false);
  });
});

const KNOWN =
  "supported are safetensors (.safetensors), PyTorch (.pt, .pth, .bin, .ckpt), Keras HDF5 (.h5, .hdf5), Keras archive (.keras), TensorFlow checkpoint (.index), TensorFlow graph (.pb), TensorFlow.js (.json), ONNX (.onnx), NumPy archive (.npz)";

describe("files of other formats", () => {
  const unrecognized = `Cannot read weights from "x": its content matches no supported format; ${KNOWN}`;
  it.each<[string, Uint8Array, string, string]>([
    ["nothing", new Uint8Array(0), "FILE_UNRECOGNIZED", unrecognized],
    ["one byte", Uint8Array.of(0x80), "FILE_UNRECOGNIZED", unrecognized],
    ["a text", Buffer.from("these are no weights"), "FILE_UNRECOGNIZED", unrecognized],
    ["JSON with a brace in ninth place", Buffer.from('{"abc": {"d": 1}}'), "FILE_UNRECOGNIZED", unrecognized],
    ["a pickle that torch.save did not write", attack, "FILE_UNRECOGNIZED", unrecognized],
    ["a zip of something else", zipFile([{ name: "a.txt", bytes: Uint8Array.of(1) }]), "FILE_UNRECOGNIZED", unrecognized],
    ["a broken zip", zipFile([{ name: "a.txt", bytes: Uint8Array.of(1) }]).subarray(0, 50), "FILE_UNRECOGNIZED", unrecognized],
  ])("%s", async (_, bytes, code, message) => {
    await expect(readWhole(bytes)).rejects.toMatchObject({ code, message });
  });

  const folder = sharedPath("data/model_formats");
  it.skipIf(folder === null).each<[string, string, string]>([
    [
      "facenet_det1.npy",
      "FILE_UNSUPPORTED",
      "it is a single NumPy array (.npy); it has no tensor names; put such files into a directory, each with the name of its tensor, and pass the directory",
    ],
    ["light_inception_v1_output_0.pb", "FILE_UNRECOGNIZED", `its content matches no supported format; ${KNOWN}`],
    ["light_inception_v2_output_0.pb", "FILE_UNRECOGNIZED", `its content matches no supported format; ${KNOWN}`],
  ])(titleNeeding("%s", folder, "data/model_formats"), async (file, code, fact) => {
    const bytes = readFileSync(path.join(folder ?? "", file));
    await expect(readWhole(bytes)).rejects.toMatchObject({ code, message: `Cannot read weights from "x": ${fact}` });
  });
});

const VALID = await smallWeightFiles();

describe("files cut off", () => {
  it.each(VALID)("%s is refused at every length", async (_, bytes, data) => {
    // A prime step meets every kind of place; the first and last bytes are tried one by one.
    for (let length = 0; length < bytes.length; length += length < 64 || bytes.length - length < 64 ? 1 : 7) {
      await expect(readWhole(bytes.subarray(0, length), data)).rejects.toBeInstanceOf(InceptionError);
    }
  });
});

/** Change some bytes, cut or lengthen the file, and move a piece of it to another place. */
const mutation = fc.record({
  edits: fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.oneof(fc.nat(255), fc.constantFrom(0, 0x7f, 0x80, 0xff))), {
    maxLength: 8,
  }),
  cut: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { freq: 8 }),
  move: fc.option(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(40)), {
    freq: 4,
  }),
});

function mutate(original: Uint8Array, { edits, cut, move }: typeof mutation extends fc.Arbitrary<infer M> ? M : never): Uint8Array {
  const bytes = Uint8Array.from(cut === null ? original : original.subarray(0, Math.floor(cut * original.length)));
  const at = (share: number) => Math.min(bytes.length - 1, Math.floor(share * bytes.length));
  if (bytes.length === 0) return bytes;
  if (move !== null) bytes.copyWithin(at(move[0]), at(move[1]), at(move[1]) + move[2]);
  for (const [share, value] of edits) bytes[at(share)] = value;
  return bytes;
}

describe("mutated files", () => {
  it.each([...VALID, ...OPEN_ENDED])("%s is read or refused with a typed error, in bounded time and memory", async (_, original, data) => {
    const beside = [...(data?.values() ?? [])].reduce((sum, bytes) => sum + bytes.length, 0);
    await fc.assert(
      fc.asyncProperty(mutation, async (change) => {
        const bytes = mutate(original, change);
        const start = performance.now();
        try {
          expect(await readWhole(bytes, data)).toBeLessThanOrEqual(MAX_SHARING * (bytes.length + beside));
        } catch (error) {
          if (!(error instanceof InceptionError)) throw error;
          // biome-ignore lint/suspicious/noControlCharactersInRegex: that none is left is what is tested
          expect(error.message).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
        }
        expect(performance.now() - start).toBeLessThan(TIME_LIMIT_MS);
      }),
      { numRuns: Number(process.env.FUZZ_RUNS ?? 500) },
    );
  });
});
