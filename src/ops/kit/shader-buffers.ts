import type { NodeList, Target } from "./lowering.js";

/**
 * Tensors that one shader of WebGPU can read and write: every device offers 8 (`maxStorageBuffersPerShaderStage` of the
 * specification), and ONNX Runtime makes one shader of a Concat or Split, whatever its number of parts.
 */
const SHADER_BUFFERS = 8;

/** Parts that a Concat or Split may have there beside its one whole. */
const MOST_PARTS = SHADER_BUFFERS - 1;

/** Neighbours in as few groups as a shader can take, or null where it can take all of them. */
export function shaderGroups<T>(parts: readonly T[]): readonly (readonly T[])[] | null {
  if (parts.length <= MOST_PARTS) return null;
  const size = Math.ceil(parts.length / MOST_PARTS);
  return Array.from({ length: Math.ceil(parts.length / size) }, (_, index) => parts.slice(index * size, (index + 1) * size));
}

/** One Concat, or on WebGPU as many as it takes. */
export function joinParts(list: NodeList, target: Target, parts: readonly string[], axis: number): string {
  const groups = list.site.profile === "webgpu" ? shaderGroups(parts) : null;
  const joined = groups?.map((group, index) => joinParts(list, `${target === 0 ? "parts" : target}_${index}`, group, axis));
  return list.add("Concat", target, joined ?? parts, { axis: { int: axis } });
}
