import { compileInference } from "../../compile/compile.js";
import { composePointwise } from "../../compile/compose.js";
import { constantGraph, withConstants } from "../../compile/quantize/constants.js";
import type { Network } from "../../compile/quantize/network.js";
import { dropInferenceIdentities } from "../../compile/simplify.js";
import { concatChunks } from "../../formats/concat-chunks.js";
import { callOf } from "../../runtime/abort.js";
import type { CallOptions } from "../../runtime/platform.js";
import { openSession, type SessionOpener } from "../open-session.js";

/**
 * The network as it is compiled, with everything that depends on parameters alone as parameters: kernels that are made of
 * others must have values before they can become integers.
 *
 * @throws InceptionError WEIGHTS_MISMATCH where a value is missing; SESSION_FAILED
 */
export async function withKernels(platform: SessionOpener, { graph, parameters }: Network, options: CallOptions = {}): Promise<Network> {
  const network = { graph: composePointwise(dropInferenceIdentities(graph)), parameters };
  const constants = constantGraph(network.graph);
  if (constants === null) return network;
  const bytes = concatChunks(compileInference(constants, parameters).chunks);
  const call = callOf(options);
  const session = await openSession(platform, bytes, { device: "cpu", threads: 1, name: `kernels of ${graph.name}`, ...call });
  try {
    return withConstants(network, new Map(Object.entries(await session.run({}, call))));
  } finally {
    await session.close();
  }
}
