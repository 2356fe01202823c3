/**
 * The conformance suite of `Session`, run by every implementation: `for (const each of sessionCases) test(each.name, () => each.run(open))`.
 * Expected values are worked out by hand. A case fails by throwing, so that it runs under any test runner and in a page.
 */
import { concatChunks } from "../formats/concat-chunks.js";
import { encodeModel } from "../formats/onnx/encode.js";
import type { OnnxAttribute, OnnxNode, OnnxTensor, OnnxValueInfo } from "../formats/onnx/types.js";
import type { DType, TensorData } from "../tensor/dtype.js";
import { elementCount, type Tensor } from "../tensor/tensor.js";
import type { Session, SessionOptions } from "./session.js";

/** Opens a session of the implementation under test; messages name the model "model". */
export type OpenSession = (model: Uint8Array<ArrayBuffer>, options?: SessionOptions) => Promise<Session>;

export interface SessionCase {
  readonly name: string;
  run(open: OpenSession): Promise<void>;
}

export const sessionCases: readonly SessionCase[] = [
  {
    name: "describes inputs and outputs",
    run: (open) =>
      using(open, sumAndProduct(), async (session) => {
        const expected = (names: string[]) => names.map((name) => ({ name, dtype: "float32", shape: ["N", 2] }));
        equal(session.inputs, expected(["a", "b"]), "inputs");
        equal(session.outputs, expected(["sum", "product"]), "outputs");
        equal(["cpu", "webgpu", "cuda"].includes(session.device), true, "device is a real one");
      }),
  },
  {
    name: "computes every output, batch 1 and batch 3 of one session",
    run: (open) =>
      using(open, sumAndProduct(), async (session) => {
        const one = await session.run({ a: floats([1, 2], [1, 2]), b: floats([1, 2], [3, 4]) });
        equal(one, { sum: floats([1, 2], [4, 6]), product: floats([1, 2], [3, 8]) }, "batch 1");
        const three = await session.run({ a: floats([3, 2], [1, 2, 3, 4, 5, 6]), b: floats([3, 2], [1, 1, 2, 2, 3, 3]) });
        equal(three, { sum: floats([3, 2], [2, 3, 5, 6, 8, 9]), product: floats([3, 2], [1, 2, 6, 8, 15, 18]) }, "batch 3");
      }),
  },
  {
    name: "computes the outputs that are asked for, in that order",
    run: (open) =>
      using(open, sumAndProduct(), async (session) => {
        const feeds = { a: floats([1, 2], [1, 2]), b: floats([1, 2], [3, 4]) };
        equal(await session.run(feeds, { fetches: ["product"] }), { product: floats([1, 2], [3, 8]) }, "the second output alone");
        equal(Object.keys(await session.run(feeds, { fetches: ["product", "sum"] })), ["product", "sum"], "order");
      }),
  },
  { name: "carries every element type bit for bit", run: carriesElementTypes },
  {
    name: "takes scalars, empty tensors and views of larger buffers",
    run: async (open) => {
      await using(open, identity("float32", []), async (session) => {
        equal(await session.run({ x: floats([], [7]) }), { y: floats([], [7]) }, "scalar");
      });
      await using(open, identity("float32", ["N", 2]), async (session) => {
        equal(await session.run({ x: floats([0, 2], []) }), { y: floats([0, 2], []) }, "no rows");
        const view = new Float32Array([9, 9, 1, 2, 9]).subarray(2, 4);
        equal(await session.run({ x: { dtype: "float32", shape: [1, 2], data: view } }), { y: floats([1, 2], [1, 2]) }, "view");
      });
    },
  },
  {
    name: "names every fault of the feeds at once",
    run: (open) => using(open, sumAndProduct(), refusesFeeds),
  },
  {
    name: "holds a free size to one value in all inputs, and an unnamed one to none",
    run: async (open) => {
      await using(open, sumAndProduct(), async (session) => {
        const feeds = { a: floats([1, 2], [1, 2]), b: floats([3, 2], [1, 2, 3, 4, 5, 6]) };
        await rejects(session.run(feeds), "FEED_INVALID", 'Cannot run "model": input "b" has N = 3, but input "a" has N = 1');
      });
      await using(open, outerSum(), async (session) => {
        const outputs = await session.run({ a: floats([2, 1], [1, 2]), b: floats([1, 3], [10, 20, 30]) });
        equal(outputs, { y: floats([2, 3], [11, 21, 31, 12, 22, 32]) }, "broadcast of unnamed sizes");
      });
    },
  },
  { name: "refuses bytes that are no model, with the runtime's own words", run: refusesModels },
  {
    name: "reports an error inside a run, and runs on after it",
    run: (open) =>
      using(open, reshape(), async (session) => {
        const to = (sizes: bigint[]): Tensor => ({ dtype: "int64", shape: [2], data: BigInt64Array.from(sizes) });
        const x = floats([3], [1, 2, 3]);
        const error = await rejection(session.run({ x, shape: to([2n, 2n]) }));
        equal(error.code, "SESSION_FAILED", "code");
        equal(error.message.startsWith(`Cannot run "model" on ${session.device}: `), true, `says what failed: ${error.message}`);
        equal(error.message.includes("Input shape:{3}, requested shape:{2,2}"), true, `keeps the runtime's words: ${error.message}`);
        equal(/[\n\r]/.test(error.message), false, "one line");
        equal(await session.run({ x, shape: to([1n, 3n]) }), { y: floats([1, 3], [1, 2, 3]) }, "the next run");
      }),
  },
  {
    name: "does concurrent runs in the order of the calls, each with its own feeds",
    run: (open) =>
      using(open, sumAndProduct(), async (session) => {
        const finished: number[] = [];
        const data = new Float32Array(2);
        const runs = Array.from({ length: 20 }, async (_, index) => {
          // One buffer for all: a feed may be changed right after the call.
          data.fill(index);
          const { sum } = await session.run({ a: { dtype: "float32", shape: [1, 2], data }, b: floats([1, 2], [100, 200]) });
          finished.push(index);
          return sum;
        });
        const sums = await Promise.all(runs);
        equal(
          sums,
          Array.from(sums, (_, index) => floats([1, 2], [100 + index, 200 + index])),
          "values",
        );
        equal(
          finished,
          Array.from(finished, (_, index) => index),
          "order",
        );
      }),
  },
  {
    name: "leaves feeds as they were, unless they are given away",
    run: (open) =>
      using(open, sumAndProduct(), async (session) => {
        const a = floats([1, 2], [1, 2]);
        const expected = { sum: floats([1, 2], [2, 4]), product: floats([1, 2], [1, 4]) };
        equal(await session.run({ a, b: a }), expected, "one tensor as both feeds");
        equal(a, floats([1, 2], [1, 2]), "feed after the run");
        equal(await session.run({ a, b: floats([1, 2], [1, 2]) }, { transfer: true }), expected, "given away");
        equal(a.data.length, 0, "a feed that was given away is empty");
      }),
  },
  {
    name: "keeps the thread of the caller free during a long run",
    run: (open) => using(open, matMul(), keepsThreadFree),
  },
  {
    name: "cancels a waiting run at once, and drops the result of one under way",
    run: (open) => using(open, matMul(), cancels),
  },
  {
    name: "finishes what has begun on close, rejects the rest, and refuses runs after it",
    run: async (open) => {
      const session = await open(matMul());
      const feeds = { a: square(300), b: square(300) };
      const runs = Promise.allSettled(Array.from({ length: 8 }, () => session.run(feeds)));
      await Promise.all([session.close(), session.close()]);
      const settled = await runs;
      equal(settled[0]?.status, "fulfilled", "the run that had begun");
      const last = settled.at(-1);
      equal(last?.status === "rejected" && codeOf(last.reason), "SESSION_CLOSED", "the run that waited");
      await rejects(session.run(feeds), "SESSION_CLOSED", 'Cannot run "model": the session is closed');
      await session.close();
    },
  },
  {
    name: "refuses a thread count that is none",
    run: async (open) => {
      for (const threads of [-1, 1.5, 100_000, Number.NaN]) {
        const message = `Cannot open "model" with ${threads} threads: expected an integer from 0 to 1,024`;
        await rejects(open(identity("float32", [1]), { threads }), "OPTION_INVALID", message);
      }
      await using(
        (model) => open(model, { threads: 1 }),
        identity("float32", [1]),
        async (session) => {
          equal(await session.run({ x: floats([1], [5]) }), { y: floats([1], [5]) }, "one thread");
        },
      );
    },
  },
];

async function carriesElementTypes(open: OpenSession): Promise<void> {
  const samples: readonly (readonly [DType, TensorData])[] = [
    ["float64", Float64Array.of(Math.PI, -0)],
    ["float32", Float32Array.of(1.5, Number.NEGATIVE_INFINITY)],
    // 1.0 and the smallest subnormal.
    ["float16", Uint16Array.of(0x3c00, 1)],
    ["int64", BigInt64Array.of(-(2n ** 63n), 2n ** 53n + 1n)],
    ["uint64", BigUint64Array.of(0n, 2n ** 64n - 1n)],
    ["int32", Int32Array.of(-(2 ** 31), 7)],
    ["uint32", Uint32Array.of(0, 2 ** 32 - 1)],
    ["int16", Int16Array.of(-32768, 7)],
    ["uint16", Uint16Array.of(0, 65535)],
    ["int8", Int8Array.of(-128, 127)],
    ["uint8", Uint8Array.of(0, 255)],
    ["bool", Uint8Array.of(1, 0)],
  ];
  for (const [dtype, data] of samples) {
    await using(open, identity(dtype, [2]), async (session) => {
      equal(session.inputs, [{ name: "x", dtype, shape: [2] }], `${dtype} input`);
      equal(await session.run({ x: { dtype, shape: [2], data } }), { y: { dtype, shape: [2], data } }, dtype);
    });
  }
}

async function refusesFeeds(session: Session): Promise<void> {
  const fits = floats([1, 2], [1, 2]);
  const faults: readonly (readonly [Record<string, Tensor>, string])[] = [
    [{}, 'input "a" is missing; input "b" is missing'],
    [{ a: fits, c: fits }, 'input "b" is missing; input "c" is unknown, the model has a, b'],
    [{ a: { dtype: "float64", shape: [1, 2], data: new Float64Array(2) }, b: fits }, 'input "a" is float64, expected float32'],
    [
      { a: { dtype: "float32", shape: [1, 2], data: new Int32Array(2) }, b: fits },
      'input "a" contains Int32Array, float32 needs Float32Array',
    ],
    [
      { a: floats([1, 3], [1, 2, 3]), b: floats([2], [1, 2]) },
      'input "a" has shape [1, 3], expected [N, 2]; input "b" has shape [2], expected [N, 2]',
    ],
    [{ a: { dtype: "float32", shape: [2, 2], data: new Float32Array(2) }, b: fits }, 'input "a" has 2 values, shape [2, 2] takes 4'],
    [{ a: { dtype: "float32", shape: [-1, 2], data: new Float32Array(2) }, b: fits }, 'input "a" has shape [-1, 2], expected [N, 2]'],
  ];
  for (const [feeds, expected] of faults) await rejects(session.run(feeds), "FEED_INVALID", `Cannot run "model": ${expected}`);
  const feeds = { a: fits, b: fits };
  const unknown = 'Cannot run "model": output "c" is unknown, the model has sum, product';
  await rejects(session.run(feeds, { fetches: ["sum", "c"] }), "FEED_INVALID", unknown);
  await rejects(
    session.run(feeds, { fetches: [] }),
    "FEED_INVALID",
    'Cannot run "model": no output is requested, the model has sum, product',
  );
}

async function refusesModels(open: OpenSession): Promise<void> {
  const unknownOp = modelBytes([op("NoSuchOperator", ["x"], ["y"])], [value("x", "float32", [1])], [value("y", "float32", [1])]);
  for (const bytes of [new Uint8Array(0), Uint8Array.of(1, 2, 3, 4), unknownOp.slice(0, unknownOp.length - 5), unknownOp]) {
    const error = await rejection(open(bytes));
    equal(error.code, "SESSION_FAILED", "code");
    equal(/^Cannot open "model" on (cpu|webgpu|cuda): [^\n\r]+$/.test(error.message), true, `one line: ${error.message}`);
  }
  const { message } = await rejection(open(unknownOp));
  equal(message.includes("NoSuchOperator"), true, `names the operator: ${message}`);
}

async function keepsThreadFree(session: Session): Promise<void> {
  const feeds = { a: square(2000), b: square(2000) };
  let ticks = 0;
  const timer = setInterval(() => ticks++, 5);
  try {
    await session.run(feeds);
  } finally {
    clearInterval(timer);
  }
  // 16 GFLOP take 50 ms on the fastest machines; a blocked thread would see at most one tick.
  equal(ticks >= 3, true, `timer ticks during the run: ${ticks}`);
}

async function cancels(session: Session): Promise<void> {
  const feeds = { a: square(600), b: square(600) };
  const reason = new Error("no longer wanted");
  const [begun, waiting, early] = [new AbortController(), new AbortController(), new AbortController()];
  early.abort(reason);
  const first = session.run(feeds, { signal: begun.signal });
  const others = [session.run(feeds), session.run(feeds)];
  const last = session.run(feeds, { signal: waiting.signal });
  begun.abort(reason);
  waiting.abort(reason);
  for (const run of [first, last, session.run(feeds, { signal: early.signal })]) equal(await rejection(run), reason, "the signal's reason");
  const after = await Promise.all([...others, session.run({ a: square(2), b: square(2) })]);
  equal(after[2], { c: floats([2, 2], [2, 2, 2, 2]) }, "runs after it");
}

// Models

function sumAndProduct(): Uint8Array<ArrayBuffer> {
  const values = (names: string[]) => names.map((name) => value(name, "float32", ["N", 2]));
  return modelBytes([op("Add", ["a", "b"], ["sum"]), op("Mul", ["a", "b"], ["product"])], values(["a", "b"]), values(["sum", "product"]));
}

function identity(dtype: DType, shape: readonly (number | string)[]): Uint8Array<ArrayBuffer> {
  return modelBytes([op("Identity", ["x"], ["y"])], [value("x", dtype, shape)], [value("y", dtype, shape)]);
}

function outerSum(): Uint8Array<ArrayBuffer> {
  const free = (name: string) => value(name, "float32", [null, null]);
  return modelBytes([op("Add", ["a", "b"], ["y"])], [free("a"), free("b")], [free("y")]);
}

function reshape(): Uint8Array<ArrayBuffer> {
  const inputs = [value("x", "float32", ["N"]), value("shape", "int64", [2])];
  return modelBytes([op("Reshape", ["x", "shape"], ["y"])], inputs, [value("y", "float32", ["A", "B"])]);
}

function matMul(): Uint8Array<ArrayBuffer> {
  const inputs = [value("a", "float32", ["N", "K"]), value("b", "float32", ["K", "M"])];
  return modelBytes([op("MatMul", ["a", "b"], ["c"])], inputs, [value("c", "float32", ["N", "M"])]);
}

/** A model of ONNX's own operators; also for the tests that belong to one implementation. */
export function modelBytes(
  nodes: readonly OnnxNode[],
  inputs: readonly OnnxValueInfo[],
  outputs: readonly OnnxValueInfo[],
  initializers: readonly OnnxTensor[] = [],
): Uint8Array<ArrayBuffer> {
  const encoded = encodeModel({
    irVersion: 8,
    opsets: [{ domain: "", version: 17 }],
    producerName: "conformance",
    producerVersion: "",
    metadata: new Map(),
    graph: { name: "case", nodes, initializers, inputs, outputs, valueInfo: [] },
  });
  return concatChunks(encoded.chunks);
}

export function op(
  opType: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: readonly OnnxAttribute[] = [],
): OnnxNode {
  return { opType, domain: "", name: "", inputs, outputs, attributes };
}

export function value(name: string, dtype: OnnxValueInfo["dtype"], shape: OnnxValueInfo["shape"]): OnnxValueInfo {
  return { name, dtype, shape };
}

export function floats(shape: readonly number[], values: readonly number[]): Tensor {
  return { dtype: "float32", shape, data: Float32Array.from(values) };
}

function square(size: number): Tensor {
  return { dtype: "float32", shape: [size, size], data: new Float32Array(elementCount([size, size])).fill(1) };
}

// Checks

async function using(open: OpenSession, model: Uint8Array<ArrayBuffer>, use: (session: Session) => Promise<void>): Promise<void> {
  const session = await open(model);
  try {
    await use(session);
  } finally {
    await session.close();
  }
}

export async function rejects(promise: Promise<unknown>, code: string, message: string): Promise<void> {
  const error = await rejection(promise);
  equal([error.code, error.message], [code, message], "error");
}

export async function rejection(promise: Promise<unknown>): Promise<Error & { readonly code?: unknown }> {
  const settled = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (settled instanceof Error) return settled;
  throw new Error(`expected an error, got ${String(settled)}`);
}

export function codeOf(thrown: unknown): unknown {
  return thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
}

/** Deep equality of plain data; numbers by Object.is, so that -0 and NaN count. */
export function equal(actual: unknown, expected: unknown, what: string): void {
  if (same(actual, expected)) return;
  throw new Error(`${what}: got ${text(actual)}, expected ${text(expected)}`);
}

function same(actual: unknown, expected: unknown): boolean {
  if (Object.is(actual, expected)) return true;
  if (!isObject(actual) || !isObject(expected) || actual instanceof Error) return false;
  if (Object.prototype.toString.call(actual) !== Object.prototype.toString.call(expected)) return false;
  const keys = Object.keys(actual);
  return (
    keys.length === Object.keys(expected).length && keys.every((key) => Object.hasOwn(expected, key) && same(actual[key], expected[key]))
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function text(value: unknown): string {
  const shown = JSON.stringify(value, (_, part: unknown) => (typeof part === "bigint" ? `${part}n` : part));
  return String(shown ?? value).slice(0, 400);
}
