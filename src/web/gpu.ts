/// <reference lib="dom" />
/** Tensors in the memory of the GPU. */
import type * as OrtModule from "onnxruntime-web/webgpu";
import type { OwnBytes } from "../tensor/own-bytes.js";
import type { Tensor } from "../tensor/tensor.js";

// Bits of GPUBufferUsage and GPUMapMode in the WebGPU specification, which TypeScript's DOM library leaves out.
const MAP_READ = 0x01;
const COPY_SRC = 0x04;
const COPY_DST = 0x08;
const STORAGE = 0x80;

// The types that the runtime takes in a GPU buffer.
const ON_GPU = new Set<string>([
  "float32",
  "float16",
  "int32",
  "int64",
  "uint32",
  "uint8",
  "bool",
] satisfies OrtModule.Tensor.GpuBufferDataTypes[]);

/** An empty tensor has no buffer. */
export function keepsOnGpu({ dtype, data }: Tensor): boolean {
  return ON_GPU.has(dtype) && data.length > 0;
}

/** A tensor of the runtime in a new buffer; `dispose` frees it. */
export function uploadTensor(ort: typeof OrtModule, gpu: GPUDevice, { dtype, shape, data }: Tensor): OrtModule.Tensor {
  const usage = STORAGE | COPY_SRC | COPY_DST;
  // The runtime's kernels read whole vectors of four 32-bit numbers.
  const buffer = gpu.createBuffer({ size: roundUp(data.byteLength, 16), usage, mappedAtCreation: true });
  new Uint8Array(buffer.getMappedRange()).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  buffer.unmap();
  // Only tensors for which `keepsOnGpu` holds come here.
  const dataType = dtype as OrtModule.Tensor.GpuBufferDataTypes;
  return ort.Tensor.fromGpuBuffer(buffer, { dataType, dims: [...shape], dispose: () => buffer.destroy() });
}

/** The bytes of a buffer. The runtime's own way to get them would take the tensor off the GPU. */
export async function downloadBytes(gpu: GPUDevice, buffer: GPUBuffer, byteLength: number): Promise<OwnBytes> {
  // Copies between buffers are of whole 32-bit words.
  const size = roundUp(byteLength, 4);
  const staging = gpu.createBuffer({ size, usage: COPY_DST | MAP_READ });
  try {
    const commands = gpu.createCommandEncoder();
    commands.copyBufferToBuffer(buffer, 0, staging, 0, size);
    gpu.queue.submit([commands.finish()]);
    await staging.mapAsync(MAP_READ);
    return new Uint8Array(staging.getMappedRange().slice(0, byteLength));
  } finally {
    staging.destroy();
  }
}

function roundUp(size: number, unit: number): number {
  return Math.ceil(size / unit) * unit;
}
