import type { NodeList, Target } from "./lowering.js";

/**
 * Tensors that one shader of WebGPU can read and write: every device offers 8 (`maxStorageBuffersPerShaderStage` of the
 * specification), and ONNX Runtime makes one shader of a Concat or Split, whatever its number of parts.
 */
const SHADER_BUFFERS = 8;

/** Parts that a Concat or Split may have there beside its one whole. */
const MAX_PARTS = SHADER_BUFFERS - 1;

/** Neighbors in as few groups as a shader can take, or null where it can take all of them. */
export function shaderGroups<T>(parts: readonly T[]): readonly (readonly T[])[] | null {
  if (parts.length <= MAX_PARTS) return null;
  const size = Math.ceil(parts.length / MAX_PARTS);
  return Array.from({ length: Math.ceil(parts.length / size) }, (_, index) => parts.slice(index * size, (index + 1) * size));
}

/** Writes parts that are joined along an axis; returns the name of the whole. */
export type Join = (list: NodeList, target: Target, parts: readonly string[], axis: number) => string;

/** One Concat. */
export const joinAtOnce: Join = (list, target, parts, axis) => list.add("Concat", target, parts, { axis: { int: axis } });

/** As many Concats as shaders can take. */
export const joinInStages: Join = (list, target, parts, axis) => {
  const groups = shaderGroups(parts);
  const joined = groups?.map((group, index) => joinInStages(list, `${target === 0 ? "parts" : target}_${index}`, group, axis));
  return joinAtOnce(list, target, joined ?? parts, axis);
};
