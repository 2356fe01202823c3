import { type FeatureNetwork, type FeatureNetworkOptions, openFeatureNetwork, openPreparedFeatures } from "../../tasks/frechet/network.js";
import type { PreparedModel } from "../../tasks/prepare-model.js";
import type { LoadModelOptions } from "../load-model.js";
import { NODE_PLATFORM } from "../platform.js";

/** How the feature network is found and run in Node. */
export interface OpenFrechetNetworkOptions
  extends FeatureNetworkOptions,
    Pick<LoadModelOptions, "allowHttps" | "onProgress" | "onWarning"> {}

/**
 * Open the network of Fréchet distances with pytorch-fid's weights.
 *
 * @param weights - `pretrained`, which with `allowHttps` downloads pytorch-fid's file; or where that is: a path, or an `https:` URL
 * @throws InceptionError as `loadModel`
 */
export async function openFrechetNetwork(weights: string, options: OpenFrechetNetworkOptions = {}): Promise<FeatureNetwork> {
  const { mode, features, logits, device, threads, ...sources } = options;
  return openFeatureNetwork(NODE_PLATFORM, weights, sources, options);
}

/** The same for weights that were read already. */
export async function openPreparedNetwork(
  prepared: Pick<PreparedModel, "graph" | "parameters" | "metadata">,
  options: OpenFrechetNetworkOptions = {},
): Promise<FeatureNetwork> {
  return openPreparedFeatures(NODE_PLATFORM, prepared, options);
}
