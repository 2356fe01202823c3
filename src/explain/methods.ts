import type { Graph } from "../ir/graph.js";
import { type GradCamOptions, gradCam } from "./grad-cam.js";
import { inputGradient } from "./input-gradient.js";
import { type IntegratedGradientsOptions, integratedGradients } from "./integrated-gradients.js";
import { type OcclusionOptions, occlusion } from "./occlusion.js";

/** Options of all methods; each uses its own. */
export type ExplainOptions = GradCamOptions & IntegratedGradientsOptions & OcclusionOptions;

/** A way to explain a classifier's answer. */
export interface ExplanationMethod {
  /** For people. */
  readonly title: string;
  /** One sentence that explains its map. */
  readonly shows: string;
  /** The options that it uses. */
  readonly uses: readonly (keyof ExplainOptions)[];
  /** Inputs "input" [1, C, H, W] and "target" [1] int32, first output "map" [1, 1, H, W]. */
  readonly build: (network: Graph, options?: ExplainOptions) => Graph;
}

/** Names of the attribution methods, in the order in which pages show them. */
export const EXPLANATION_NAMES = ["grad_cam", "input_gradient", "integrated_gradients", "occlusion"] as const;
/** An attribution method by name. */
export type ExplanationName = (typeof EXPLANATION_NAMES)[number];

/** Every method by its name. To add one: its file, its line here. */
export const EXPLANATION_METHODS: Readonly<Record<ExplanationName, ExplanationMethod>> = {
  grad_cam: {
    title: "Grad-CAM",
    shows: "Regions whose feature maps increase the target logit.",
    uses: ["layer"],
    build: gradCam,
  },
  input_gradient: {
    title: "Input gradient",
    shows: "Sensitivity of the target logit to each pixel.",
    uses: [],
    build: inputGradient,
  },
  integrated_gradients: {
    title: "Integrated gradients",
    shows: "Contribution of each pixel to the target logit, relative to a mean-pixel baseline.",
    uses: ["steps", "baseline"],
    build: integratedGradients,
  },
  occlusion: {
    title: "Occlusion",
    shows: "Decrease of the target logit when the region is occluded.",
    uses: ["window", "stride", "fill"],
    build: occlusion,
  },
};
