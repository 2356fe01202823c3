import { describe, expect, test } from "vitest";
import { type Bundled, besideSource } from "../../../test/beside-source.js";
import {
  bundle,
  constant,
  frozen,
  graphNode,
  masked,
  proto,
  sliceFile,
  table,
  type Variable,
  variable,
  varint,
} from "../../../test/tensorflow-files.js";
import { concat } from "../../../test/weight-fixtures.js";
import { type ByteSource, bytesSource } from "../../formats/byte-source.js";
import { maskedCrc32c } from "../../formats/tensorflow/table.js";
import type { WeightFile } from "../weight-file.js";
import { openWeightFile } from "./index.js";

const VARIABLES: readonly Variable[] = [
  variable("InceptionV3/Conv2d_1a_3x3/BatchNorm/beta", 32),
  variable("InceptionV3/Conv2d_1a_3x3/BatchNorm/moving_mean", 32),
  variable("InceptionV3/Conv2d_1a_3x3/weights", 3, 3, 3, 32),
  variable("InceptionV3/Logits/Conv2d_1c_1x1/biases", 5),
  variable("InceptionV3/Logits/empty", 0, 4),
  variable("global_step"),
];

async function contents(file: WeightFile): Promise<readonly Variable[]> {
  const read = [...file.tensors.values()].map(async (entry) => {
    const { shape, data } = await entry.read();
    return { name: entry.name, shape, values: Float32Array.from(data, Number) };
  });
  return (await Promise.all(read)).sort((a, b) => (a.name < b.name ? -1 : 1));
}

const open = (bytes: Uint8Array): Promise<WeightFile> => openWeightFile(bytesSource("x.ckpt", bytes));
const openBundle = (files: Bundled, missing?: string): Promise<WeightFile> => openWeightFile(besideSource("x.index", files, missing));

/** A message by its pattern. */
function matching(pattern: RegExp): unknown {
  return expect.stringMatching(pattern);
}

function failure(code: string, message: string): unknown {
  return expect.objectContaining({ name: "InceptionError", code, message });
}

test("masked checksums, by the arithmetic of their description", () => {
  // LevelDB's crc32c_test: the checksum of "foo" and its mask differ, and RFC 3720's checksums are crc32c.test.ts's.
  for (const text of ["", "a", "foo", "123456789"]) {
    const bytes = new TextEncoder().encode(text);
    expect(maskedCrc32c(bytes)).toBe(masked(bytes));
  }
  // 0xe3069283 turned right by 15 bits is 0x2507c60d; the sum leaves 32 bits.
  expect(maskedCrc32c(new TextEncoder().encode("123456789"))).toBe((0x2507c60d + 0xa282ead8) % 2 ** 32);
});

const CHOICES = [{}, { perBlock: 1 }, { perBlock: 2, compression: 1 }] as const;

describe("V2 checkpoints", () => {
  test.each([...CHOICES, { shards: 3 }])("are read to the last value, %j", async (choices) => {
    const file = await openBundle(bundle(VARIABLES, choices));
    expect(file.format).toBe("TensorFlow checkpoint");
    expect(file.metadata).toEqual({ "tensorflow.checkpoint": "2" });
    expect(await contents(file)).toEqual(VARIABLES);
  });

  test("a header of default values, and types that are no weights", async () => {
    const object = "_CHECKPOINTABLE_OBJECT_GRAPH";
    const files = bundle([variable("a", 2), { name: object, shape: [], values: [1] }], {
      entry: (name) => (name === object ? proto.int(1, 7) : new Uint8Array(0)),
    });
    expect(await contents(await openBundle(files))).toEqual([variable("a", 2)]);
  });

  test.each([
    [
      "big-endian values",
      { header: concat(proto.int(1, 1), proto.int(2, 1)) },
      "FILE_UNSUPPORTED",
      'Cannot read TensorFlow checkpoint "x.index": its values are big-endian, only little-endian values are supported',
    ],
    [
      "a million data files",
      { header: proto.int(1, 1_000_000) },
      "FILE_LIMIT",
      'Cannot read TensorFlow checkpoint "x.index": it has 1,000,000 data files, expected 1 to 4,096',
    ],
    [
      "no data files",
      { header: new Uint8Array(0) },
      "FILE_LIMIT",
      'Cannot read TensorFlow checkpoint "x.index": it has 0 data files, expected 1 to 4,096',
    ],
    [
      "a tensor in slices",
      { entry: () => proto.bytes(7, []) },
      "FILE_UNSUPPORTED",
      'Cannot read tensor "a" of "x.index": it is stored in slices, which is not supported; save it without partitioned variables',
    ],
    [
      "a tensor in no data file",
      { entry: () => proto.int(3, 7) },
      "FILE_CORRUPT",
      'Cannot read tensor "a" of "x.index": it is at byte 0 of data file 7 with 8 bytes, expected counts and one of 1 files',
    ],
    [
      "a size that the shape has not",
      { entry: () => proto.int(5, 4) },
      "FILE_CORRUPT",
      'Cannot read tensor "a" of "x.index": float32 [2] needs 8 bytes, its entry has 4',
    ],
    [
      "a negative offset",
      { entry: () => proto.int(4, -8n) },
      "FILE_CORRUPT",
      'Cannot read tensor "a" of "x.index": it is at byte -8 of data file 0 with 8 bytes, expected counts and one of 1 files',
    ],
    [
      "an end behind the data",
      { entry: () => proto.int(4, 100) },
      "FILE_TRUNCATED",
      'Cannot read tensor "a" of "x.data-00000-of-00001": it ends at byte 108, the file has 8',
    ],
    [
      "a block that was damaged",
      { damage: true },
      "FILE_CORRUPT",
      matching(/^Cannot read table "x.index": the checksum of the block at byte \d+ is 0x[0-9a-f]{8}, expected 0x[0-9a-f]{8}$/),
    ],
    [
      "another compression",
      { compression: 4 },
      "FILE_UNSUPPORTED",
      matching(/^Cannot read table "x.index": the block at byte \d+ is compressed by method 4, only Snappy \(1\) is supported$/),
    ],
  ])("refuses %s", async (_, choices, code, message) => {
    await expect(openBundle(bundle([variable("a", 2)], choices))).rejects.toMatchObject({ code, message });
  });

  test("values that were damaged are found when they are read", async () => {
    const files = bundle([variable("a", 2)]);
    for (const bytes of files.data.values()) bytes[5] = 1;
    const file = await openBundle(files);
    await expect(file.tensors.get("a")?.read()).rejects.toMatchObject({
      code: "FILE_CORRUPT",
      message: matching(/^Cannot read tensor "a" of "x.data-00000-of-00001": its checksum is 0x[0-9a-f]{8}, expected 0x[0-9a-f]{8}$/),
    });
  });

  test("many tensors of one range cannot fill the memory", async () => {
    const same = () => proto.int(4, 0);
    const files = bundle(
      Array.from({ length: 9 }, (_, i) => variable(`a${i}`, 100)),
      { entry: same },
    );
    const data = new Map([...files.data].map(([name, bytes]) => [name, bytes.subarray(0, 400)]));
    const message = 'Cannot read weights from "x.index": its tensors take 3,600 bytes, the limit is 8 times the file size of 400';
    await expect(openBundle({ index: files.index, data })).rejects.toEqual(failure("FILE_LIMIT", message));
  });

  test("need their other files", async () => {
    const { index } = bundle([variable("a", 2)]);
    const alone = 'Cannot read TensorFlow checkpoint "x.index": its values are in other files; open it from a directory';
    await expect(openWeightFile(bytesSource("x.index", index))).rejects.toEqual(failure("FILE_UNSUPPORTED", alone));
    const copy = bytesSource("copy", index);
    const beside = async (): Promise<ByteSource> => copy;
    const renamed: ByteSource = { ...copy, beside };
    const message =
      'Cannot read TensorFlow checkpoint "copy": the name of its index does not end in .index, so its other files cannot be found';
    await expect(openWeightFile(renamed)).rejects.toEqual(failure("FILE_UNSUPPORTED", message));
  });
});

describe("V1 checkpoints", () => {
  test.each(CHOICES)("are read to the last value, %j", async (choices) => {
    const file = await open(sliceFile(VARIABLES, choices));
    expect(file.metadata).toEqual({ "tensorflow.checkpoint": "1" });
    expect(await contents(file)).toEqual(VARIABLES);
  });

  test("names with the bytes that keys escape, unpacked values", async () => {
    const odd = [variable("a\0b\u00ff", 2), variable("a\0b\u00ff\0", 3)];
    const unpacked = ({ values }: Variable) =>
      concat(...[...values].map((value) => concat(varint(5 * 8 + 5), new Uint8Array(Float32Array.of(value).buffer))));
    expect(await contents(await open(sliceFile(odd, { data: unpacked, perBlock: 1 })))).toEqual(odd);
  });

  test.each([
    [
      "a tensor in two slices",
      { meta: () => proto.bytes(4, proto.bytes(1, [])) },
      'Cannot read meta.tensor[0] of "x.ckpt": it is stored in slices, which is not supported; save it without partitioned variables',
      "FILE_UNSUPPORTED",
    ],
    [
      "fewer values than the shape",
      { data: () => proto.bytes(5, new Uint8Array(4)) },
      'Cannot read tensor "a" of "x.ckpt": float32 [2] needs 2 values, it has 1',
      "FILE_CORRUPT",
    ],
    [
      "more values than the shape",
      { data: () => proto.bytes(5, new Uint8Array(12)) },
      'Cannot read tensor "a" of "x.ckpt": float32 [2] needs 2 values, it has 3',
      "FILE_CORRUPT",
    ],
    [
      "values of another type",
      { data: () => proto.bytes(6, new Uint8Array(16)) },
      'Cannot read tensor "a" of "x.ckpt": float32 [2] needs 2 values, it has 0',
      "FILE_CORRUPT",
    ],
    [
      "a shape of 2^53 elements and more",
      { meta: () => proto.bytes(2, proto.bytes(2, proto.int(1, 2 ** 30)), proto.bytes(2, proto.int(1, 2 ** 30))) },
      'Cannot read meta.tensor[0].shape of "x.ckpt": [1073741824, 1073741824] is not a known shape with fewer than 2^53 elements and at most 64 dimensions',
      "FILE_CORRUPT",
    ],
    [
      "more than eight times the file",
      { meta: () => proto.bytes(2, proto.bytes(2, proto.int(1, 2 ** 20))) },
      matching(/^Cannot read weights from "x.ckpt": its tensors take 4,194,304 bytes, the limit is 8 times the file size of [\d,]+$/),
      "FILE_LIMIT",
    ],
  ])("refuses %s", async (_, choices, message, code) => {
    const read = async () => contents(await open(sliceFile([variable("a", 2)], choices)));
    await expect(read()).rejects.toMatchObject({ code, message });
  });

  test("a list of what is not there", async () => {
    const [a] = [sliceFile([variable("a", 2)]), 0] as const;
    const meta = proto.bytes(1, proto.bytes(1, proto.bytes(1, "b"), proto.bytes(2), proto.int(3, 1)));
    const file = await open(table([[[], meta]]));
    const message = 'Cannot read TensorFlow checkpoint "x.ckpt": tensor "b" is listed, but no record contains it';
    await expect(file.tensors.get("b")?.read()).rejects.toEqual(failure("FILE_CORRUPT", message));
    expect((await open(a)).tensors.size).toBe(1);
  });
});

describe("tables", () => {
  test.each([
    [
      "an index that is nowhere",
      concat(
        new Uint8Array(100),
        Uint8Array.from({ length: 40 }, () => 0xff),
        table([]).slice(-8),
      ),
      'Cannot read table "x.ckpt": its footer does not contain the position of its index',
    ],
    [
      "an index behind the end",
      concat(new Uint8Array(20), [0, 0, ...varint(1000), ...varint(5)], new Uint8Array(35), table([]).slice(-8)),
      'Cannot read table "x.ckpt": a block covers bytes 1000 to 1005, the footer starts at 20',
    ],
    [
      "keys out of order",
      table([
        [[], []],
        [[2], []],
        [[1], []],
      ]),
      'Cannot read table "x.ckpt": the block at byte 0 has keys that are not in order, at byte 7',
    ],
    ["no header", table([[[1], []]]), 'Cannot read TensorFlow checkpoint "x.ckpt": its first key is not empty, as that of a checkpoint is'],
    ["no keys", table([]), 'Cannot read TensorFlow checkpoint "x.ckpt": its first key is not empty, as that of a checkpoint is'],
  ])("refuses %s", async (_, bytes, message) => {
    await expect(open(bytes)).rejects.toEqual(failure("FILE_CORRUPT", message));
  });

  test("a key of more than 1024 bytes", async () => {
    const message = 'Cannot read table "x.ckpt": the block at byte 1055 has more than 65536 keys, or one of more than 1024 bytes';
    await expect(open(table([[new Uint8Array(1025), []]]))).rejects.toEqual(failure("FILE_LIMIT", message));
  });
});

describe("frozen graphs", () => {
  const openGraph = (...nodes: readonly Uint8Array[]) => openWeightFile(bytesSource("x.pb", concat(...nodes)));

  test("constants of every kind of value", async () => {
    const file = await openGraph(
      constant("content", 1, [2], proto.bytes(4, new Uint8Array(Float32Array.of(1.5, -2).buffer))),
      constant("floats", 1, [2], proto.bytes(5, new Uint8Array(Float32Array.of(3, 4).buffer))),
      // One value that stands for all, and two for three.
      constant("filled", 1, [2, 3], proto.bytes(5, new Uint8Array(Float32Array.of(7).buffer))),
      constant("ended", 3, [3], proto.bytes(7, varint(-1n), varint(5))),
      constant("half", 19, [2], proto.bytes(13, varint(0x3c00), varint(0xc000))),
      constant("long", 9, [1], proto.bytes(10, varint(-3n))),
      constant("empty", 1, [0]),
      constant("text", 7, [], proto.bytes(8, "not a number")),
      graphNode("net/relu", "Relu", proto.bytes(3, "content")),
    );
    const values = await Promise.all(
      [...file.tensors.values()].map(async (entry) => [entry.name, Array.from((await entry.read()).data, Number)]),
    );
    expect(Object.fromEntries(values)).toEqual({
      content: [1.5, -2],
      floats: [3, 4],
      filled: [7, 7, 7, 7, 7, 7],
      ended: [-1, 5, 5],
      half: [0x3c00, 0xc000],
      long: [-3],
      empty: [],
    });
    expect([file.tensors.get("filled")?.shape, file.tensors.get("half")?.dtype]).toEqual([[2, 3], "float16"]);
  });

  test("of a graph that was frozen from variables only these", async () => {
    const file = await openGraph(
      ...VARIABLES.map(frozen),
      constant("InceptionV3/Conv2d_1a_3x3/BatchNorm/batchnorm/add/y", 1, [], proto.bytes(5, new Uint8Array(4))),
    );
    expect(file.format).toBe("TensorFlow graph");
    expect(await contents(file)).toEqual(VARIABLES);
  });

  test.each([
    [
      "a constant that fills the memory",
      [constant("a", 1, [2 ** 40], proto.bytes(5, new Uint8Array(4)))],
      "FILE_LIMIT",
      /^Cannot read graph of "x.pb": its constants take 4,398,046,511,104 bytes, the limit is 8 times the file size of [\d,]+$/,
    ],
    [
      "more values than the shape",
      [constant("a", 1, [1], proto.bytes(5, new Uint8Array(8)))],
      "FILE_CORRUPT",
      /^Cannot read node "a" of "x.pb": float32 \[1\] needs 1 values, it has 2$/,
    ],
    [
      "bytes of another size",
      [constant("a", 1, [2], proto.bytes(4, new Uint8Array(4)))],
      "FILE_CORRUPT",
      /^Cannot read node "a" of "x.pb": float32 \[2\] needs 8 bytes, tensor_content has 4$/,
    ],
    [
      "a constant without a value",
      [graphNode("a", "Const")],
      "FILE_CORRUPT",
      /^Cannot read node\[0\] of "x.pb": constant "a" has no value$/,
    ],
    [
      "two of one name",
      [constant("a", 1, [1], proto.bytes(5, new Uint8Array(4))), constant("a", 1, [1], proto.bytes(5, new Uint8Array(4)))],
      "FILE_CORRUPT",
      /^Cannot read weights from "x.pb": two tensors are named "a"$/,
    ],
  ])("refuses %s", async (_, nodes, code, message) => {
    await expect(openGraph(...nodes)).rejects.toMatchObject({ code, message: matching(message) });
  });
});
