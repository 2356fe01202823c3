import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { expectFailure } from "../../test/failures.js";
import { concat, u64 } from "../../test/weight-fixtures.js";
import { InceptionError } from "../errors.js";
import { bytesSource } from "../formats/byte-source.js";
import { encodeSafetensors } from "../formats/safetensors.js";
import type { Graph } from "../ir/graph.js";
import { sha256Hex } from "../node/sha256.js";
import type { TensorType } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import {
  type Checkpoint,
  type CheckpointExpectation,
  encodeCheckpoint,
  graphHash,
  readCheckpoint,
  readCheckpointMeta,
} from "./checkpoint.js";

const CHECKPOINT: Checkpoint = {
  state: new Map<string, Tensor>([
    ["fc.weight", { dtype: "float32", shape: [2, 3], data: Float32Array.of(1, -0, Number.NaN, Infinity, 1e-45, 6) }],
    ["fc.weight.momentum", { dtype: "float32", shape: [2, 3], data: Float32Array.of(6, 5, 4, 3, 2, 1) }],
    ["step", { dtype: "int64", shape: [], data: BigInt64Array.of(2n ** 60n) }],
  ]),
  meta: {
    model: "googlenet",
    options: { numClasses: 10, variant: "paper" },
    graphHash: "ab12",
    config: { recipe: "finetune", factors: { "fc.*": 10 } },
    position: { epoch: 1, batch: 3, step: 13 },
    seed: 2 ** 32 - 1,
    history: [{ epoch: 1, step: 10, learningRate: 0.1, trainLoss: Number.NaN, trainTop1: null, loss: 0.1 + 0.2, top1: 0.5, top5: 1 }],
    partial: { loss: 4.25, images: 24, worst: -Infinity },
  },
};

function fileOf(checkpoint: Checkpoint): Uint8Array {
  const { header, chunks, byteLength } = encodeCheckpoint(checkpoint);
  const bytes = concat(header, ...chunks);
  expect(bytes.byteLength).toBe(byteLength);
  return bytes;
}

const read = (bytes: Uint8Array, expected: CheckpointExpectation = {}): Promise<Checkpoint> =>
  readCheckpoint(bytesSource("last.safetensors", bytes), { expected });

describe("a checkpoint", () => {
  test("comes back as it was, to the bit", async () => {
    const { state, meta } = await read(fileOf(CHECKPOINT));
    expect(meta).toEqual(CHECKPOINT.meta);
    expect([...state.keys()].toSorted()).toEqual(["fc.weight", "fc.weight.momentum", "step"]);
    for (const [name, tensor] of CHECKPOINT.state) expect(state.get(name)).toEqual(tensor);
  });

  test("has the same bytes in whatever order it is given", () => {
    const { state, meta } = CHECKPOINT;
    const turned: Checkpoint = {
      state: new Map([...state].toReversed()),
      meta: { ...meta, options: { variant: "paper", numClasses: 10 }, partial: { worst: -Infinity, images: 24, loss: 4.25 } },
    };
    expect(Buffer.from(fileOf(turned)).equals(fileOf(CHECKPOINT))).toBe(true);
  });

  test("is read in part", async () => {
    const source = bytesSource("last.safetensors", fileOf(CHECKPOINT));
    const { state } = await readCheckpoint(source, { select: (name) => name === "step" });
    expect([...state.keys()]).toEqual(["step"]);
    expect(await readCheckpointMeta(source)).toEqual(CHECKPOINT.meta);
  });

  test("is what it is expected to be", async () => {
    const state = new Map<string, TensorType>([...CHECKPOINT.state].map(([name, { dtype, shape }]) => [name, { dtype, shape }]));
    await expect(read(fileOf(CHECKPOINT), { model: "googlenet", graphHash: "ab12", state })).resolves.toBeDefined();
  });
});

describe("refused by name", () => {
  const file = fileOf(CHECKPOINT);
  const cannot = (fact: string): string => `Cannot use checkpoint "last.safetensors": ${fact}`;

  test("another model, another description", async () => {
    await expectFailure(
      read(file, { model: "inception_v4" }),
      "CHECKPOINT_INVALID",
      cannot('it belongs to model "googlenet", expected "inception_v4"'),
    );
    await expectFailure(
      read(file, { graphHash: "cd34" }),
      "CHECKPOINT_INVALID",
      cannot(
        'it belongs to another configuration of "googlenet" (hash "ab12", expected "cd34"): other options, input size or version of inceptionkit',
      ),
    );
  });

  test("other tensors, all kinds in one message", async () => {
    const state = new Map<string, TensorType>([
      ["fc.weight", { dtype: "float32", shape: [2, 4] }],
      ["fc.bias", { dtype: "float32", shape: [2] }],
      ["step", { dtype: "int32", shape: [] }],
    ]);
    await expectFailure(
      read(file, { state }),
      "CHECKPOINT_INVALID",
      cannot(
        'its tensors do not match: 1 missing ("fc.bias"); 1 unexpected ("fc.weight.momentum"); 2 with another type ("fc.weight" is float32[2, 3], expected float32[2, 4], "step" is int64[], expected int32[]); 0 of 3 match',
      ),
    );
    const many = new Map<string, TensorType>([..."abcdef"].map((name) => [name, { dtype: "float32", shape: [] }]));
    await expectFailure(
      read(fileOf({ ...CHECKPOINT, state: new Map() }), { state: many }),
      "CHECKPOINT_INVALID",
      cannot('its tensors do not match: 6 missing ("a", "b", "c", "d" and 2 more); 0 of 6 match'),
    );
  });

  test("a truncated file", async () => {
    await expectFailure(
      read(file.subarray(0, file.byteLength - 1)),
      "FILE_CORRUPT",
      'Cannot read tensor "fc.weight.momentum" of "last.safetensors": data_offsets end at 56, file data has 55 bytes',
    );
    const header = file.subarray(0, 100);
    const length = new DataView(file.buffer).getUint32(0, true);
    await expectFailure(
      read(header),
      "FILE_TRUNCATED",
      `Cannot read safetensors file "last.safetensors": header ends at byte ${8 + length}, the file has 100`,
    );
    await expectFailure(
      read(new Uint8Array(0)),
      "FILE_TRUNCATED",
      'Cannot read safetensors file "last.safetensors": it has 0 bytes, the header length alone takes 8',
    );
  });

  const foreign = (metadata: Readonly<Record<string, string>>): Uint8Array => {
    const { header, chunks } = encodeSafetensors([...CHECKPOINT.state], metadata);
    return concat(header, ...chunks);
  };
  const run =
    '{"config":{},"graphHash":"","history":[],"model":"m","options":{},"partial":{},"position":{"batch":0,"epoch":0,"step":0},"seed":0}';
  const ours = (text: string): Uint8Array => foreign({ format: "inceptionkit-checkpoint", version: "1", run: text });
  const kind = 'expected "inceptionkit-checkpoint"; it contains weights or was written by another program';

  test.each<[string, Uint8Array, string, string]>([
    [
      "another file",
      concat([...Buffer.from("PK\u0003\u0004 and so on, a zip")]),
      "CHECKPOINT_INVALID",
      cannot("it is not a safetensors file"),
    ],
    ["weights", foreign({}), "CHECKPOINT_INVALID", cannot(`its metadata has no format, ${kind}`)],
    ["weights of PyTorch", foreign({ format: "pt" }), "CHECKPOINT_INVALID", cannot(`its metadata has format "pt", ${kind}`)],
    [
      "a newer version",
      foreign({ format: "inceptionkit-checkpoint", version: "2", run }),
      "FILE_UNSUPPORTED",
      cannot('its version is "2", expected "1"'),
    ],
    ["no version", foreign({ format: "inceptionkit-checkpoint" }), "FILE_UNSUPPORTED", cannot('its version is missing, expected "1"')],
    [
      "no run",
      foreign({ format: "inceptionkit-checkpoint", version: "1" }),
      "CHECKPOINT_INVALID",
      cannot('its metadata has no entry "run"'),
    ],
    [
      "no JSON",
      ours("{"),
      "FILE_CORRUPT",
      'Cannot read the metadata of checkpoint "last.safetensors" as JSON: expected a key in double quotes at character 1',
    ],
    ["a list", ours("[]"), "CHECKPOINT_INVALID", cannot('entry "run" of its metadata is not a JSON object')],
    ["an empty object", ours("{}"), "CHECKPOINT_INVALID", cannot("position is missing, expected an object")],
    [
      "half a batch",
      ours(run.replace('"batch":0', '"batch":0.5')),
      "CHECKPOINT_INVALID",
      cannot("position.batch is 0.5, expected an integer in [0, 2^53)"),
    ],
    [
      "a seed of 33 bits",
      ours(run.replace('"seed":0', '"seed":4294967296')),
      "CHECKPOINT_INVALID",
      cannot("seed is 4294967296, expected an integer in [0, 2^32)"),
    ],
    [
      "a sum that is text",
      ours(run.replace('"partial":{}', '"partial":{"loss":"high\\u0085"}')),
      "CHECKPOINT_INVALID",
      cannot('partial["loss"] is "high ", expected a number'),
    ],
    [
      "an epoch without loss",
      ours(run.replace('"history":[]', '"history":[{"epoch":1,"step":5,"learningRate":1}]')),
      "CHECKPOINT_INVALID",
      cannot("history[0].trainLoss is missing, expected the field of an epoch"),
    ],
    [
      "epochs out of order",
      ours(
        run.replace(
          '"history":[]',
          '"history":[{"epoch":2,"step":5,"learningRate":1,"trainLoss":1,"trainTop1":null,"loss":null,"top1":null,"top5":null}]',
        ),
      ),
      "CHECKPOINT_INVALID",
      cannot("history[0].epoch is 2, expected 1"),
    ],
    ["a header that claims gigabytes", concat(u64(2 ** 40), [0x7b]), "FILE_LIMIT", 'Cannot read safetensors file "last.safetensors": header length is 1,099,511,627,776 bytes, the limit is 8,388,608'], // biome-ignore format: one line
  ])("%s", (_, bytes, code, message) => expectFailure(read(bytes), code, message));

  test("nothing is written that could not be read", () => {
    const position = { epoch: 0, batch: -1, step: 0 };
    expect(() => encodeCheckpoint({ ...CHECKPOINT, meta: { ...CHECKPOINT.meta, position } })).toThrowError(
      expect.objectContaining({
        code: "CHECKPOINT_INVALID",
        message: "Cannot write a checkpoint: position.batch is -1, expected an integer in [0, 2^53)",
      }),
    );
  });
});

describe("any damage is a typed error or goes unseen", () => {
  const file = fileOf(CHECKPOINT);
  const headerBytes = 8 + new DataView(file.buffer).getUint32(0, true);

  const orTyped = async (bytes: Uint8Array): Promise<boolean> => {
    try {
      await read(bytes, { model: "googlenet", graphHash: "ab12" });
      return true;
    } catch (thrown) {
      expect(thrown).toBeInstanceOf(InceptionError);
      expect((thrown as InceptionError).message).toContain("last.safetensors"); // Just seen to be one.
      return false;
    }
  };

  test("no truncated file is read", async () => {
    for (let length = 0; length < file.byteLength; length++) expect(await orTyped(file.subarray(0, length))).toBe(false);
  });

  test("changed bytes", async () => {
    const change = fc.tuple(fc.nat(headerBytes - 1), fc.nat(255));
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        const damaged = Uint8Array.from(file);
        for (const [at, value] of changes) damaged[at] = value;
        await orTyped(damaged);
      }),
      { numRuns: 500 },
    );
  });

  test("any metadata", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.json({ maxDepth: 3 }),
        fc.constantFrom("position", "seed", "history", "partial", "model", "config"),
        async (json, field) => {
          const { header, chunks } = encodeSafetensors([], {
            format: "inceptionkit-checkpoint",
            version: "1",
            run: `{"config":{},"graphHash":"ab12","history":[],"model":"googlenet","options":{},"partial":{},"position":{"batch":0,"epoch":0,"step":0},"seed":0}`.replace(
              new RegExp(`"${field}":(\\[\\]|0|"googlenet"|\\{[^}]*\\})`),
              () => `"${field}":${json.replace(/\p{Surrogate}/gu, "")}`,
            ),
          });
          await orTyped(concat(header, ...chunks));
        },
      ),
    );
  });
});

test("the hash of a description changes with its text", () => {
  const graph = (dim: number): Graph => ({
    name: "tiny",
    inputs: [{ name: "input", type: { dtype: "float32", shape: ["N", dim] } }],
    parameters: [],
    nodes: [],
    outputs: [{ name: "output", value: "input" }],
    modules: [],
    stages: [],
    types: new Map([["input", { dtype: "float32", shape: ["N", dim] }]]),
  });
  // printf 'graph "tiny"\ninput input: float32[N, 3]\noutput output = input\n' | sha256sum
  expect(graphHash(graph(3), sha256Hex)).toBe("a0a31d274f0de16eda2b8078ad3db7b9fcf1c2eb76d643a9ff0d7abe737ed0bc");
  expect(graphHash(graph(4), sha256Hex)).not.toBe(graphHash(graph(3), sha256Hex));
});
