/// <reference lib="dom" />
import type * as OrtModule from "onnxruntime-web/webgpu";
import { copyTensor } from "../runtime/messages.js";
import { hostTensor } from "../runtime/ort-values.js";
import type { StateRunner } from "../runtime/serve-trainer.js";
import { bytesPerElement, isDType, viewBytes } from "../tensor/dtype.js";
import { elementCount, type Tensor } from "../tensor/tensor.js";
import { downloadBytes, keepsOnGpu, uploadTensor } from "./gpu.js";
import { ortTensor, type RenewableSession } from "./open.js";

type OrtTensor = OrtModule.Tensor;

/**
 * State that a step replaces by the tensors that the runtime returns: WebAssembly takes no tensors to write to.
 *
 * @param gpu - keeps the state where it can be kept there; null for the CPU
 */
export function stateRunner(
  ort: typeof OrtModule,
  name: string,
  sessions: ReadonlyMap<string, RenewableSession>,
  state: Readonly<Record<string, Tensor>>,
  gpu: GPUDevice | null,
): StateRunner {
  const hold = (tensor: Tensor) => (gpu && keepsOnGpu(tensor) ? uploadTensor(ort, gpu, tensor) : ortTensor(ort, tensor));
  const held = new Map(Object.entries(state).map(([piece, tensor]) => [piece, hold(tensor)]));
  const replace = (piece: string, tensor: OrtTensor) => {
    const last = held.get(piece);
    held.set(piece, tensor);
    if (last?.location === "gpu-buffer") last.dispose();
  };
  return {
    step: async (program, plan, feeds) => {
      const values = Object.fromEntries(Object.entries(feeds).map(([input, tensor]) => [input, ortTensor(ort, tensor)]));
      for (const piece of [...plan.reads, ...plan.state.map(({ input }) => input)]) values[piece] = existing(held, piece);
      const outputs = await existing(sessions, program).run(values);
      for (const { input, output } of plan.state) replace(input, presentIn(outputs, output));
      return Object.fromEntries(plan.results.map((output) => [output, hostTensor(name, output, outputs[output])]));
    },
    read: async (names) => {
      const pieces = names.map(async (piece) => [piece, await hostCopy(name, piece, existing(held, piece), gpu)] as const);
      return Object.fromEntries(await Promise.all(pieces));
    },
    write: async (pieces) => {
      const tensors = Object.entries(pieces).map(([piece, tensor]) => [piece, hold(tensor)] as const);
      for (const [piece, tensor] of tensors) replace(piece, tensor);
    },
    close: async () => {
      for (const tensor of held.values()) tensor.dispose();
      for (const session of sessions.values()) await session.release();
    },
  };
}

async function hostCopy(name: string, piece: string, tensor: OrtTensor, gpu: GPUDevice | null): Promise<Tensor> {
  if (tensor.location !== "gpu-buffer" || gpu === null || !isDType(tensor.type)) return copyTensor(hostTensor(name, piece, tensor));
  const byteLength = elementCount(tensor.dims) * bytesPerElement(tensor.type);
  const bytes = await downloadBytes(gpu, tensor.gpuBuffer, byteLength);
  return { dtype: tensor.type, shape: [...tensor.dims], data: viewBytes(tensor.type, bytes) };
}

function existing<T>(map: ReadonlyMap<string, T>, name: string): T {
  const found = map.get(name);
  if (found === undefined) throw new Error(`there is no "${name}"`);
  return found;
}

function presentIn(outputs: Readonly<Record<string, OrtTensor>>, name: string): OrtTensor {
  const tensor = outputs[name];
  if (tensor === undefined) throw new Error(`the runtime gave no "${name}"`);
  return tensor;
}
