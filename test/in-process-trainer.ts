/** A trainer on onnxruntime-node in the test's own process. */
import type * as node from "onnxruntime-node";
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import type { Trainer, TrainingProgram } from "../src/runtime/trainer.js";
import { float32Tensor, type Tensor } from "../src/tensor/tensor.js";

/** Opens the programs; state is kept as the runtime's own tensors. */
export async function createTestTrainer(
  programs: Readonly<Record<string, TrainingProgram>>,
  first: ReadonlyMap<string, Tensor>,
): Promise<Trainer> {
  const state = new Map([...first].map(([name, tensor]) => [name, ortTensor(tensor)]));
  const opened = new Map<string, Opened>();
  for (const [name, program] of Object.entries(programs)) {
    const session = await InferenceSession.create(program.model, { intraOpNumThreads: 2, interOpNumThreads: 1, logSeverityLevel: 4 });
    opened.set(name, { session, program });
  }
  return {
    device: "cpu",
    run: (name, feeds) => runOnce(known(opened, name), feeds, state),
    readState: async (names = [...state.keys()]) => new Map(names.map((name) => [name, hostTensor(known(state, name))])),
    writeState: async (changes) => {
      for (const [name, tensor] of changes) state.set(name, ortTensor(tensor));
    },
    close: async () => {
      for (const { session } of opened.values()) await session.release();
    },
  };
}

interface Opened {
  readonly session: InferenceSession;
  readonly program: TrainingProgram;
}

async function runOnce(
  { session, program }: Opened,
  feeds: Readonly<Record<string, Tensor>>,
  state: Map<string, OrtTensor>,
): Promise<Readonly<Record<string, Tensor>>> {
  const held = [...program.state.map(({ input }) => input), ...program.reads].map((input) => [input, known(state, input)] as const);
  const given = Object.entries(feeds).map(([name, tensor]) => [name, ortTensor(tensor)] as const);
  const results = await session.run(Object.fromEntries([...held, ...given]));
  const replaced = new Map(program.state.map(({ input, output }) => [output, input]));
  const outputs: [string, Tensor][] = [];
  for (const [name, value] of Object.entries(results)) {
    const input = replaced.get(name);
    if (input === undefined) outputs.push([name, hostTensor(value)]);
    else state.set(input, value);
  }
  return Object.fromEntries(outputs);
}

/** @param ort - either package of the runtime; both have the same constructor */
export function ortTensor({ shape, data }: Tensor, ort: Pick<typeof node, "Tensor"> = { Tensor: OrtTensor }): OrtTensor {
  if (data instanceof Float32Array) return new ort.Tensor("float32", data, shape);
  if (data instanceof Int32Array) return new ort.Tensor("int32", data, shape);
  throw new RangeError(`Cannot feed ${data.constructor.name}`);
}

/** A copy: the runtime may use the memory again. */
function hostTensor({ data, dims }: OrtTensor): Tensor {
  if (data instanceof Float32Array) return float32Tensor(dims, data.slice());
  throw new RangeError(`Cannot read ${data.constructor.name}`);
}

function known<T>(map: ReadonlyMap<string, T>, name: string): T {
  const found = map.get(name);
  if (found === undefined) throw new RangeError(`Cannot find "${name}"`);
  return found;
}
