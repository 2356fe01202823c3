/** Runs described networks on onnxruntime-node in the test's own process: what the tests of ops and models compare with. */
import { env, InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { type CompileOptions, compileInference } from "../src/compile/compile.js";
import { concatChunks } from "../src/formats/concat-chunks.js";
import type { Graph } from "../src/ir/graph.js";
import { fillUniform } from "../src/tensor/fill.js";
import { elementCount, float32Tensor, type Tensor } from "../src/tensor/tensor.js";

// A failure is thrown; the runtime would print it as well.
env.logLevel = "fatal";

export interface Floats {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Labels, and quantized values. */
export interface Integers {
  readonly shape: readonly number[];
  readonly data: Int8Array | Int32Array | BigInt64Array | Uint8Array;
}

/** What can be fed. */
export type Values = Floats | Integers;

export interface OpenModel {
  /** The outputs asked for, default all, by name. */
  run(feeds: Readonly<Record<string, Values>>, fetches?: readonly string[]): Promise<Readonly<Record<string, Floats>>>;
  /** The declared sizes of an input or output; a name or undefined where the size is open. */
  declaredShape(name: string): readonly unknown[];
}

/** Compile a graph, hand its session to `use`, and release the session whatever happens. */
export async function withModel<T>(
  graph: Graph,
  parameters: ReadonlyMap<string, Tensor>,
  options: CompileOptions,
  use: (model: OpenModel) => Promise<T>,
): Promise<T> {
  const bytes = concatChunks(compileInference(graph, parameters, options).chunks);
  const session = await InferenceSession.create(bytes, { intraOpNumThreads: 2, interOpNumThreads: 1, logSeverityLevel: 4 });
  try {
    return await use({
      run: async (feeds, fetches = session.outputNames) => {
        const values = Object.entries(feeds).map(([name, value]) => [name, ortTensor(value)] as const);
        const results = await session.run(Object.fromEntries(values), [...fetches]);
        return Object.fromEntries(fetches.map((name) => [name, floats(name, results[name])]));
      },
      declaredShape: (name) => {
        const info = [...session.inputMetadata, ...session.outputMetadata].find((candidate) => candidate.name === name);
        return info?.isTensor ? info.shape : [];
      },
    });
  } finally {
    await session.release();
  }
}

/** Compile, run once, release. */
export async function runGraph(
  graph: Graph,
  parameters: ReadonlyMap<string, Tensor>,
  feeds: Readonly<Record<string, Values>>,
  options: CompileOptions = {},
): Promise<Readonly<Record<string, Floats>>> {
  return withModel(graph, parameters, options, (model) => model.run(feeds));
}

/** How a graph may be compiled. */
export type Compiled = Pick<CompileOptions, "target" | "optimize" | "layout">;

/** The targets and layouts for which a graph becomes different ONNX, the default first: equal files need no second run. */
export function distinctTargets(graph: Graph, parameters: ReadonlyMap<string, Tensor>): readonly Compiled[] {
  const targets = [...(["standard", "ort-cpu", "webgpu"] as const).map((target) => ({ target })), { optimize: false }];
  const files = new Map<string, Compiled>();
  for (const options of [{}, ...targets.flatMap((target): Compiled[] => [target, { ...target, layout: "chwn" }])]) {
    const file = Buffer.from(concatChunks(compileInference(graph, parameters, options).chunks)).toString("latin1");
    if (!files.has(file)) files.set(file, options);
  }
  return [...files.values()];
}

/** The output of that name; a test that asks for one that is not there fails. */
export function outputOf(outputs: Readonly<Record<string, Floats>>, name: string): Floats {
  const output = outputs[name];
  if (output === undefined) throw new RangeError(`Cannot find output "${name}" among ${Object.keys(outputs).join(", ")}`);
  return output;
}

/** Values in [low, high) drawn from `key`. */
export function filled(key: string, shape: readonly number[], low = -1, high = 1): Floats {
  return { shape, data: fillUniform(key, elementCount(shape), low, high) };
}

export function asTensor({ shape, data }: Floats): Tensor {
  return float32Tensor(shape, data);
}

function ortTensor({ shape, data }: Values): OrtTensor {
  if (data instanceof Float32Array) return new OrtTensor("float32", data, [...shape]);
  if (data instanceof Int8Array) return new OrtTensor("int8", data, [...shape]);
  if (data instanceof Int32Array) return new OrtTensor("int32", data, [...shape]);
  if (data instanceof Uint8Array) return new OrtTensor("uint8", data, [...shape]);
  return new OrtTensor("int64", data, [...shape]);
}

/** Quantized values as numbers too. */
function floats(name: string, value: OrtTensor | undefined): Floats {
  if (value?.data instanceof Uint8Array) return { shape: value.dims, data: Float32Array.from(value.data) };
  if (!(value?.data instanceof Float32Array)) throw new RangeError(`Cannot read output "${name}": it is no float32 tensor`);
  return { shape: value.dims, data: value.data };
}

/** The values that depend on parameters alone, as parameters. */
export async function computeConstants(graph: Graph, parameters: ReadonlyMap<string, Tensor>): Promise<ReadonlyMap<string, Tensor>> {
  const results = Object.entries(await runGraph(graph, parameters, {}));
  return new Map(results.map(([name, value]) => [name, asTensor(value)] as const));
}
