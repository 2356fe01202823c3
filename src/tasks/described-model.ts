import { findModel } from "../models/index.js";
import type { DescribedModel } from "./model-source.js";

/**
 * A network by its id, or as it was described.
 *
 * @param others - further names that the caller knows, for the hint at what was probably meant
 * @throws InceptionError MODEL_UNKNOWN
 */
export function describedModel(network: string | DescribedModel, others: readonly string[] = []): DescribedModel {
  return typeof network === "string" ? { model: findModel(network, others), options: {} } : network;
}
