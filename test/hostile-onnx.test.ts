/** ONNX files made to harm: each is refused in one line, in bounded time and memory, or read as what it says. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { InceptionError } from "../src/errors.js";
import { bytesSource } from "../src/formats/byte-source.js";
import { concatChunks } from "../src/formats/concat-chunks.js";
import { allNodes, checkOps } from "../src/formats/onnx/check-ops.js";
import { decodeModel } from "../src/formats/onnx/decode.js";
import { MAX_GRAPH_DEPTH, MAX_NODES } from "../src/formats/onnx/decode-graph.js";
import { decodeTensor, MAX_RANK, MAX_TENSORS } from "../src/formats/onnx/decode-tensor.js";
import { encodeModel } from "../src/formats/onnx/encode.js";
import { encodeTensor } from "../src/formats/onnx/encode-tensor.js";
import { modelArbitrary, reluModel, tensorArbitrary } from "../src/formats/onnx/model.cases.js";
import { summarizeOnnx } from "../src/formats/onnx/print.js";
import { looksLikeOnnx } from "../src/formats/onnx/sniff.js";
import type { OnnxGraph, OnnxModel } from "../src/formats/onnx/types.js";
import { MAX_FIELDS } from "../src/formats/onnx/wire.js";
import { sharedPath, titleNeeding } from "./shared.js";

/**
 * Processor time for one file; none here is larger than a few megabytes. The slowest of them take 0.3 to 0.8 s when the machine is idle,
 * so the rest is for a busy one.
 */
const MAX_MILLISECONDS = 2000;

function field(number: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const body = concatChunks(parts);
  return concatChunks([new BinaryWriter().tag(number, WireType.LengthDelimited).uint32(body.byteLength).finish(), body]);
}

const int = (number: number, value: number | bigint) => new BinaryWriter().tag(number, WireType.Varint).int64(value).finish();
const text = (number: number, value: string) => new BinaryWriter().tag(number, WireType.LengthDelimited).string(value).finish();
const modelOf = (...graph: readonly Uint8Array[]) => concatChunks([int(1, 10), field(7, ...graph)]);

function repeat(bytes: Uint8Array, count: number): Uint8Array {
  const out = new Uint8Array(bytes.byteLength * count);
  for (let i = 0; i < count; i++) out.set(bytes, i * bytes.byteLength);
  return out;
}

/** What reading a file ends in: its value or its error, within the time that every file is given. */
function outcome<T>(run: () => T): { readonly value: T } | { readonly code: string; readonly message: string } {
  const start = process.cpuUsage();
  try {
    return { value: run() };
  } catch (error) {
    if (!(error instanceof InceptionError)) throw error;
    expect(error.message).not.toMatch(/\p{Cc}/u);
    expect(error.message.length).toBeLessThan(1000);
    return { code: error.code, message: error.message };
  } finally {
    const { user, system } = process.cpuUsage(start);
    expect((user + system) / 1000).toBeLessThan(MAX_MILLISECONDS);
  }
}

const readModel = (bytes: Uint8Array) => outcome(() => decodeModel(bytes, { name: "x.onnx" }));

describe("crafted models are refused", () => {
  const node = (...parts: readonly Uint8Array[]) => field(1, text(4, "Op"), ...parts);
  const cases: readonly [what: string, bytes: () => Uint8Array, code: string, message: string][] = [
    ["nothing", () => new Uint8Array(0), "FILE_CORRUPT", 'Cannot read model of "x.onnx": ir_version (field 1) is 0, expected 1 or more'],
    ["a version alone", () => int(1, 10), "FILE_CORRUPT", 'Cannot read model of "x.onnx": it has no graph (field 7)'],
    [
      "a version of 2^62",
      () => concatChunks([int(1, 2n ** 62n), field(7)]),
      "FILE_CORRUPT",
      'Cannot read model of "x.onnx": ir_version is 4611686018427387904, beyond 9007199254740991',
    ],
    [
      "a graph of 2^64 - 1 bytes",
      () => concatChunks([int(1, 10), Uint8Array.of(0x3a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01)]),
      "FILE_TRUNCATED",
      'Cannot read model of "x.onnx": field 7 takes 18446744073709552000 bytes from byte 13, 0 remain',
    ],
    [
      "a node of 4 GB inside a graph of 9 bytes",
      () => concatChunks([modelOf(Uint8Array.of(0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f, 1, 2, 3)), int(5, 1)]),
      "FILE_CORRUPT",
      'Cannot read graph of "x.onnx": field 1 takes 4294967295 bytes from byte 10, 3 remain',
    ],
    [
      "a million nodes",
      () => modelOf(repeat(field(1, text(4, "A")), 1_000_000)),
      "FILE_LIMIT",
      `Cannot read graph.node[${MAX_NODES}] of "x.onnx": the file has more than ${MAX_NODES} nodes`,
    ],
    [
      "a million empty nodes",
      () => modelOf(repeat(field(1), 1_000_000)),
      "FILE_CORRUPT",
      'Cannot read graph.node[0] of "x.onnx": it has no op_type (field 4)',
    ],
    [
      "a million empty inputs of one node",
      () => modelOf(node(repeat(field(1), 1_000_000))),
      "FILE_LIMIT",
      `Cannot read graph.node[0] of "x.onnx": the file has more than ${MAX_FIELDS} fields`,
    ],
    [
      "a million empty graph pieces",
      () => concatChunks([int(1, 10), repeat(field(7), 1_000_000)]),
      "FILE_LIMIT",
      `Cannot read model of "x.onnx": the file has more than ${MAX_FIELDS} fields`,
    ],
    [
      "a million numbers of one attribute",
      () => modelOf(node(field(5, text(1, "axes"), field(8, new Uint8Array(1_000_000)), int(20, 7)))),
      "FILE_LIMIT",
      `Cannot read graph.node[0].attribute[0] of "x.onnx": the file has more than ${MAX_FIELDS} fields`,
    ],
    [
      "one tensor too many",
      () => modelOf(repeat(field(5, int(1, 0), int(2, 1)), MAX_TENSORS + 1)),
      "FILE_LIMIT",
      `Cannot read graph.initializer[${MAX_TENSORS}] of "x.onnx": the file has more than ${MAX_TENSORS} tensors`,
    ],
    [
      "graphs nested one deeper than allowed",
      () => nestedGraphs(MAX_GRAPH_DEPTH + 1),
      "FILE_LIMIT",
      `Cannot read model of "x.onnx": its graphs are nested deeper than ${MAX_GRAPH_DEPTH}`,
    ],
    [
      "graphs nested a hundred thousand deep",
      () => nestedGraphs(100_000),
      "FILE_LIMIT",
      `Cannot read model of "x.onnx": its graphs are nested deeper than ${MAX_GRAPH_DEPTH}`,
    ],
    [
      "a tensor of 2^62 by 2^62",
      () => modelOf(field(5, text(8, "w"), int(1, 2n ** 62n), int(1, 2n ** 62n), int(2, 1))),
      "FILE_CORRUPT",
      'Cannot read graph.initializer[0] of "x.onnx": dimension 0 is 4611686018427387904, expected 0 to 9007199254740991',
    ],
    [
      "a tensor of a negative size",
      () => modelOf(field(5, int(1, -1), int(2, 1))),
      "FILE_CORRUPT",
      'Cannot read graph.initializer[0] of "x.onnx": dimension 0 is -1, expected 0 to 9007199254740991',
    ],
    [
      "a tensor of 10^15 numbers in 8 bytes",
      () => modelOf(field(5, text(8, "w"), int(1, 1e15), int(2, 1), field(9, new Uint8Array(8)))),
      "FILE_CORRUPT",
      'Cannot read tensor "w" of "x.onnx": raw_data has 8 bytes, shape [1000000000000000] of float32 takes 4000000000000000',
    ],
    [
      "a tensor of 10^15 numbers in 3 varints",
      () => modelOf(field(5, text(8, "w"), int(1, 1e15), int(2, 7), field(7, Uint8Array.of(1, 2, 3)))),
      "FILE_CORRUPT",
      'Cannot read tensor "w" of "x.onnx": int64_data has 3 values, shape [1000000000000000] of int64 takes 1000000000000000',
    ],
    [
      "a tensor of a million dimensions",
      () => modelOf(field(5, field(1, new Uint8Array(900_000).fill(1)), int(2, 1))),
      "FILE_LIMIT",
      `Cannot read graph.initializer[0] of "x.onnx": it has more than ${MAX_RANK} dimensions`,
    ],
    [
      "an input of a hundred dimensions",
      () => modelOf(field(11, text(1, "x"), field(2, field(1, int(1, 1), field(2, repeat(field(1), 100)))))),
      "FILE_LIMIT",
      `Cannot read graph.input[0].type.shape of "x.onnx": it has more than ${MAX_RANK} dimensions`,
    ],
    [
      "an input of an unknown type",
      () => modelOf(field(11, text(1, "x"), field(2, field(1, int(1, 99))))),
      "FILE_UNSUPPORTED",
      'Cannot read graph.input[0] of "x.onnx": data type 99 is unknown, expected 1 to 26',
    ],
    [
      "values in the password file",
      () => modelOf(field(5, text(8, "w"), int(1, 3), int(2, 1), field(13, text(1, "location"), text(2, "/etc/passwd")), int(14, 1))),
      "FILE_UNSUPPORTED",
      'Cannot read tensor "w" of "x.onnx": its values are in another file, "/etc/passwd", which is not opened; expected them in this one',
    ],
    [
      "names that would act on a terminal",
      () => modelOf(field(5, text(8, "\u001b[2J\nw"), int(1, 3), int(2, 1))),
      "FILE_CORRUPT",
      'Cannot read tensor " [2J w" of "x.onnx": raw_data has 0 bytes, shape [3] of float32 takes 12',
    ],
    [
      "a name of a megabyte",
      () => modelOf(field(5, text(8, "w".repeat(1_000_000)), int(1, 3), int(2, 1))),
      "FILE_CORRUPT",
      `Cannot read tensor "${"w".repeat(200)}..." of "x.onnx": raw_data has 0 bytes, shape [3] of float32 takes 12`,
    ],
    [
      "a group, which protobuf no longer has",
      () => concatChunks([Uint8Array.of(0x9b, 0x06), modelOf()]),
      "FILE_CORRUPT",
      'Cannot read model of "x.onnx": field 99 has wire type 3, which no ONNX file uses',
    ],
  ];
  test.each(cases)("%s", (_what, bytes, code, message) => {
    expect(readModel(bytes())).toEqual({ code, message });
  });

  test("a place in another file is reported when asked for, and the file stays closed", () => {
    const tensor = field(5, text(8, "w"), int(1, 3), int(2, 1), field(13, text(1, "location"), text(2, "/etc/passwd")), int(14, 1));
    const model = decodeModel(modelOf(tensor), { externalData: "report" });
    expect(model.graph.initializers).toEqual([
      { name: "w", dtype: "float32", shape: [3], data: new Uint8Array(0), external: new Map([["location", "/etc/passwd"]]) },
    ]);
    expect(summarizeOnnx(model).externalFiles).toEqual(["/etc/passwd"]);
  });
});

/** A model whose graph has `depth - 1` graphs inside it, each in an attribute of the only node. Written from its end to its start. */
function nestedGraphs(depth: number): Uint8Array {
  const buffer = new Uint8Array(16 + 32 * depth);
  let start = buffer.byteLength;
  const prepend = (bytes: readonly number[] | Uint8Array) => {
    start -= bytes.length;
    buffer.set(bytes, start);
  };
  // Everything written so far becomes the value of a field.
  const wrap = (number: number) => {
    let length = buffer.byteLength - start;
    const head = [number * 8 + WireType.LengthDelimited];
    for (; length > 0x7f; length = Math.floor(length / 128)) head.push((length % 128) + 0x80);
    prepend([...head, length]);
  };
  const [type, op] = [int(20, 5), text(4, "If")];
  for (let level = 1; level < depth; level++) {
    // graph { node { op_type, attribute { type, g { … } } } }
    wrap(6);
    prepend(type);
    wrap(5);
    prepend(op);
    wrap(1);
  }
  wrap(7);
  prepend(int(1, 10));
  return buffer.subarray(start);
}

test("graphs nested as deep as allowed are read", () => {
  const result = readModel(nestedGraphs(MAX_GRAPH_DEPTH));
  expect("value" in result && [...allNodes(result.value.graph)].length).toBe(MAX_GRAPH_DEPTH - 1);
});

describe("wrong wire types", () => {
  const GROUPS: readonly [message: string, place: string, wrap: (body: Uint8Array) => Uint8Array, fields: readonly number[]][] = [
    ["model", "model", (body) => concatChunks([body, modelOf()]), [1, 2, 3, 6, 7, 8, 14]],
    ["operator set", "opset_import[0]", (body) => concatChunks([field(8, body), modelOf()]), [1, 2]],
    ["metadata", "metadata_props", (body) => concatChunks([field(14, body), modelOf()]), [1, 2]],
    ["graph", "graph", (body) => modelOf(body), [1, 2, 5, 11, 12, 13]],
    ["node", "graph.node[0]", (body) => modelOf(field(1, body)), [1, 2, 3, 4, 5, 7]],
    ["attribute", "graph.node[0].attribute[0]", (body) => modelOf(field(1, field(5, body))), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 20, 21]],
    ["tensor", "graph.initializer[0]", (body) => modelOf(field(5, body)), [1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14]],
    ["value", "graph.input[0]", (body) => modelOf(field(11, body)), [1, 2]],
    ["type", "graph.input[0].type", (body) => modelOf(field(11, field(2, body))), [1]],
    ["tensor type", "graph.input[0].type", (body) => modelOf(field(11, field(2, field(1, body)))), [1, 2]],
    ["shape", "graph.input[0].type.shape", (body) => modelOf(field(11, field(2, field(1, field(2, body))))), [1]],
    ["dimension", "graph.input[0].type.shape.dim[0]", (body) => modelOf(field(11, field(2, field(1, field(2, field(1, body)))))), [1, 2]],
  ];
  test.each(GROUPS)("%s", (_message, place, wrap, fields) => {
    for (const number of fields) {
      // A field of eight bytes, except where that is right (tensor.double_data): then one of four.
      const fixed64 = new BinaryWriter().tag(number, WireType.Bit64).double(0).finish();
      const fixed32 = new BinaryWriter().tag(number, WireType.Bit32).float(0).finish();
      const isDouble = place === "graph.initializer[0]" && number === 10;
      const result = readModel(wrap(isDouble ? fixed32 : fixed64));
      const message = "message" in result ? result.message : "";
      const fact = `Cannot read ${place} of "x.onnx": field ${number} has wire type ${isDouble ? 5 : 1}, expected `;
      expect(["0", "1", "2", "5"].map((expected) => fact + expected)).toContain(message);
      expect("code" in result && result.code).toBe("FILE_CORRUPT");
    }
  });
});

const SMALL = concatChunks(
  encodeModel({
    ...reluModel({
      initializers: [
        { name: "w", dtype: "float32", shape: [2, 3], data: new Uint8Array(24).fill(63) },
        { name: "names", dtype: "string", shape: [2], data: new Uint8Array(0), strings: ["a", "b"] },
      ],
    }),
    metadata: new Map([["key", "value"]]),
  }).chunks,
);

test("a file cut off at any byte is said to be cut off, but for the ends of its parts", () => {
  const codes = Array.from({ length: SMALL.byteLength }, (_, length) => {
    const result = readModel(SMALL.subarray(0, length));
    return "value" in result ? "read" : result.code;
  });
  const counts = new Map<string, number>();
  for (const code of codes) counts.set(code, (counts.get(code) ?? 0) + 1);
  // Cuts between the top-level fields leave a shorter message: nothing, the version alone, then no opset, no metadata, fewer weights.
  expect(Object.fromEntries(counts)).toEqual({ FILE_CORRUPT: 2, read: 4, FILE_TRUNCATED: SMALL.byteLength - 6 });
  expect(readModel(SMALL.subarray(0, 30))).toEqual({
    code: "FILE_TRUNCATED",
    message: `Cannot read model of "x.onnx": field 7 takes 67 bytes from byte 4, 26 remain`,
  });
});

/** A change of a file at a fraction of its length. */
interface Mutation {
  readonly kind: "set" | "insert" | "remove" | "cut" | "copy";
  readonly at: number;
  readonly bytes: Uint8Array;
}

const mutation: fc.Arbitrary<Mutation> = fc.record({
  // Most changes of lengths and sizes are refused at once; setting bytes reaches deeper.
  kind: fc.constantFrom("set", "set", "set", "set", "set", "insert", "remove", "cut", "copy"),
  at: fc.noBias(fc.integer({ min: 0, max: 999_999 })).map((part) => part / 1_000_000),
  // Single bytes, and the lengths that overflow something.
  bytes: fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 1 }),
    fc.constantFrom(
      Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x0f),
      Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01),
      Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x10),
    ),
  ),
});

function mutate(file: Uint8Array, { kind, at, bytes }: Mutation): Uint8Array {
  const offset = Math.floor(at * file.byteLength);
  const before = file.subarray(0, offset);
  if (kind === "cut") return before;
  if (kind === "insert") return concatChunks([before, bytes, file.subarray(offset)]);
  if (kind === "remove") return concatChunks([before, file.subarray(offset + bytes.byteLength)]);
  if (kind === "copy") return concatChunks([file, file.subarray(offset)]);
  return concatChunks([before, bytes, file.subarray(offset + bytes.byteLength)]);
}

/** One byte of a packed varint makes at most one element of eight bytes; nothing else in a file grows when it is read. */
const MAX_GROWTH = 8;

function bytesOfTensors(graph: OnnxGraph): number {
  const tensors = [...graph.initializers];
  for (const { node } of allNodes(graph)) {
    for (const attribute of node.attributes) {
      if (attribute.type === "tensor") tensors.push(attribute.value);
      if (attribute.type === "tensors") tensors.push(...attribute.value);
    }
  }
  return tensors.reduce((sum, { data }) => sum + data.byteLength, 0);
}

/** What reads must say that it can be written again and read as the same. */
async function checkMutant(bytes: Uint8Array): Promise<"read" | "refused"> {
  expect(typeof (await looksLikeOnnx(bytesSource("x.onnx", bytes)))).toBe("boolean");
  const result = readModel(bytes);
  if (!("value" in result)) return "refused";
  const model: OnnxModel = result.value;
  expect(bytesOfTensors(model.graph)).toBeLessThanOrEqual(MAX_GROWTH * bytes.byteLength);
  outcome(() => checkOps(model, new Set(["Relu"])));
  outcome(() => JSON.stringify(summarizeOnnx(model)));
  expect(decodeModel(concatChunks(encodeModel(model).chunks))).toEqual(model);
  return "read";
}

describe("mutations of valid files work or are refused", () => {
  test("models of every kind of content", async () => {
    await fc.assert(
      fc.asyncProperty(modelArbitrary, fc.array(mutation, { minLength: 1, maxLength: 2 }), async (model, mutations) => {
        const file = mutations.reduce(mutate, concatChunks(encodeModel(model).chunks));
        await checkMutant(file);
      }),
      { numRuns: 500 },
    );
  });

  test("a small model, every byte set to each of eight values", async () => {
    const seen = { read: 0, refused: 0 };
    for (let at = 0; at < SMALL.byteLength; at++) {
      for (const value of [0x00, 0x01, 0x02, 0x07, 0x3a, 0x7f, 0x80, 0xff]) {
        const file = Uint8Array.from(SMALL);
        file[at] = value;
        seen[await checkMutant(file)] += 1;
      }
    }
    // Both happen often, or the mutations test nothing.
    expect(Math.min(seen.read, seen.refused)).toBeGreaterThan(300);
  });

  test("tensors", () => {
    fc.assert(
      fc.property(tensorArbitrary, fc.array(mutation, { minLength: 1, maxLength: 3 }), (tensor, mutations) => {
        const file = mutations.reduce(mutate, encodeTensor(tensor));
        const result = outcome(() => decodeTensor(file, { name: "x.pb" }));
        if ("value" in result) expect(decodeTensor(encodeTensor(result.value))).toEqual(result.value);
      }),
      { numRuns: 500 },
    );
  });

  test("random bytes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        await checkMutant(bytes);
        outcome(() => decodeTensor(bytes));
      }),
      { numRuns: 500 },
    );
  });

  const FORMATS = "data/model_formats";
  const formats = sharedPath(FORMATS);
  test.skipIf(formats === null)(titleNeeding("a file of the ONNX model zoo", formats, FORMATS), async () => {
    const file = readFileSync(path.join(formats ?? "", "light_inception_v1.onnx"));
    await fc.assert(
      fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 3 }), async (mutations) => {
        await checkMutant(mutations.reduce<Uint8Array>(mutate, file));
      }),
      { numRuns: 50 },
    );
  });
});
