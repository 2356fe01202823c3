import { InceptionError } from "../errors.js";
import type { Graph } from "../ir/graph.js";
import type { OptionInput, OptionInputs, OptionTable } from "../options.js";
import { nearestName } from "../text.js";
import { GOOGLENET_MIN_SIZE, GOOGLENET_OPTIONS, googlenet } from "./googlenet.js";
import { MIN_SIZE } from "./inception-resnet.js";
import { INCEPTION_RESNET_3D_OPTIONS, inceptionResnet3d } from "./inception-resnet-3d.js";
import { INCEPTION_RESNET_V1_OPTIONS, inceptionResnetV1 } from "./inception-resnet-v1.js";
import { INCEPTION_RESNET_V2_OPTIONS, inceptionResnetV2 } from "./inception-resnet-v2.js";
import { INCEPTION_V2_MIN_SIZE, INCEPTION_V2_OPTIONS, inceptionV2 } from "./inception-v2.js";
import { INCEPTION_V3_MIN_SIZE, INCEPTION_V3_OPTIONS, inceptionV3 } from "./inception-v3.js";
import { INCEPTION_V4_MIN_SIZE, INCEPTION_V4_OPTIONS, inceptionV4 } from "./inception-v4.js";

export {
  booleanOption,
  choiceOption,
  integerOption,
  nullable,
  numberOption,
  type Option,
  type OptionInput,
  type OptionTable,
  type OptionValue,
  type OptionValues,
  readOptionInput,
  resolveOptions,
  textOption,
} from "../options.js";
export { type FeatureOptions, features, type StageFeature, stageFeatures } from "./features.js";

/** The option tables of all models by family and variant: what ids and the types of options are made of. */
interface Tables {
  readonly googlenet: typeof GOOGLENET_OPTIONS;
  readonly inception_v2: typeof INCEPTION_V2_OPTIONS;
  readonly inception_v3: typeof INCEPTION_V3_OPTIONS;
  readonly inception_v4: { readonly public: typeof INCEPTION_V4_OPTIONS };
  readonly inception_resnet_v1: typeof INCEPTION_RESNET_V1_OPTIONS;
  readonly inception_resnet_v2: typeof INCEPTION_RESNET_V2_OPTIONS;
  readonly inception_resnet_3d: typeof INCEPTION_RESNET_3D_OPTIONS;
}

type ModelFamily = keyof Tables;

/** Family and variant of a listed model, as in `inception_v3.public`. */
export type ModelId = { [F in ModelFamily]: `${F}.${keyof Tables[F] & string}` }[ModelFamily];

/** An id, or a family for its `public` form, or `slim` or `table` where there is none. */
export type ModelName = ModelId | ModelFamily;

/** The variants that a bare family name selects: the first that the family has. */
const DEFAULT_FORMS = ["public", "slim", "table"] as const;

/**
 * The options of a model, as code writes them; those that are left out have their defaults. Of several models: those of any.
 *
 * @example
 * ```ts
 * import type { OptionsOf } from "inceptionkit/models";
 * const options: OptionsOf<"inception_v3"> = { numClasses: 5, inputSize: [331, 275] };
 * options.numClasses; // 5
 * ```
 */
export type OptionsOf<N extends ModelName> = OptionInputs<OptionsTable<N>>;

type OptionsTable<N extends ModelName> = N extends ModelFamily
  ? DefaultTable<Tables[N]>
  : N extends `${infer F extends ModelFamily}.${infer V}`
    ? V extends keyof Tables[F]
      ? Tables[F][V]
      : never
    : never;

type DefaultTable<T> = T extends { readonly public: infer S }
  ? S
  : T extends { readonly slim: infer S }
    ? S
    : T extends { readonly table: infer S }
      ? S
      : never;

/** The options of any listed model. */
export type ModelOptions = OptionsOf<ModelName>;

/** A network that can be described: what it is, its options, and the function that builds its graph. */
export interface Model {
  readonly id: string;
  readonly family: string;
  /** Which of the family's published, drawn or listed shapes. */
  readonly variant: "spec" | "paper" | "public" | "table" | "code" | "slim" | "caffe" | "fid" | "custom";
  /** Output of its default head: class logits, an embedding, or class logits for each voxel. */
  readonly task: "classify" | "embed" | "segment";
  /** Where the architecture comes from. */
  readonly source: string;
  /** Smallest height and width in pixels; of a volume smallest depth, height and width in voxels. */
  readonly minInputSize: number;
  readonly options: OptionTable;
  readonly describe: (options?: OptionInput) => Graph;
}

/** A model of the list below. */
export interface ListedModel extends Model {
  readonly id: ModelId;
  readonly family: ModelFamily;
}

const PAPER_V1 = "Szegedy et al., Going Deeper with Convolutions, arXiv:1409.4842";
const PAPER_V2 =
  "Ioffe and Szegedy, Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate Shift, arXiv:1502.03167";
const PAPER_V3 = "Szegedy et al., Rethinking the Inception Architecture for Computer Vision, arXiv:1512.00567";
const PAPER_RESNET = "Szegedy et al., Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning, arXiv:1602.07261";
const INCEPTION_V3_SOURCES = {
  public: "as in torchvision, timm, slim and Keras",
  table: "its table 1, which specification document 004 shows as figure 7",
  fid: "the graph of 2015 that Fréchet distances use, as in pytorch-fid",
} as const;
const SPEC_3D = "specification document 000";

/** Every model, in the order in which `models` lists them. To add one: its file, its entry here; for a new family its line in `Tables`. */
export const MODELS: readonly ListedModel[] = [
  {
    id: "googlenet.paper",
    family: "googlenet",
    variant: "paper",
    task: "classify",
    source: PAPER_V1,
    minInputSize: GOOGLENET_MIN_SIZE.paper,
    options: GOOGLENET_OPTIONS.paper,
    describe: (options) => googlenet("paper", options),
  },
  {
    id: "googlenet.public",
    family: "googlenet",
    variant: "public",
    task: "classify",
    source: `${PAPER_V1}, as in torchvision`,
    minInputSize: GOOGLENET_MIN_SIZE.public,
    options: GOOGLENET_OPTIONS.public,
    describe: (options) => googlenet("public", options),
  },
  ...(["slim", "caffe"] as const).map(
    (variant): ListedModel => ({
      id: `inception_v2.${variant}`,
      family: "inception_v2",
      variant,
      task: "classify",
      source: `${PAPER_V2}, as in ${variant === "slim" ? "slim" : "the Caffe model and its PyTorch ports"}`,
      minInputSize: INCEPTION_V2_MIN_SIZE[variant],
      options: INCEPTION_V2_OPTIONS[variant],
      describe: (options) => inceptionV2(variant, options),
    }),
  ),
  ...(["public", "table", "fid"] as const).map(
    (form): ListedModel => ({
      id: `inception_v3.${form}`,
      family: "inception_v3",
      variant: form,
      task: "classify",
      source: `${PAPER_V3}, ${INCEPTION_V3_SOURCES[form]}`,
      minInputSize: INCEPTION_V3_MIN_SIZE,
      options: INCEPTION_V3_OPTIONS[form],
      describe: (options) => inceptionV3(form, options),
    }),
  ),
  {
    id: "inception_v4.public",
    family: "inception_v4",
    variant: "public",
    task: "classify",
    source: `${PAPER_RESNET}, as in slim and timm`,
    minInputSize: INCEPTION_V4_MIN_SIZE,
    options: INCEPTION_V4_OPTIONS,
    describe: (options) => inceptionV4(options),
  },
  ...(["spec", "paper", "public"] as const).map(
    (form): ListedModel => ({
      id: `inception_resnet_v1.${form}`,
      family: "inception_resnet_v1",
      variant: form,
      task: form === "public" ? "embed" : "classify",
      source: form === "spec" ? "specification document 002" : form === "paper" ? PAPER_RESNET : `${PAPER_RESNET}, as in facenet-pytorch`,
      minInputSize: MIN_SIZE,
      options: INCEPTION_RESNET_V1_OPTIONS[form],
      describe: (options) => inceptionResnetV1(form, options),
    }),
  ),
  ...(["spec", "paper", "public"] as const).map(
    (form): ListedModel => ({
      id: `inception_resnet_v2.${form}`,
      family: "inception_resnet_v2",
      variant: form,
      task: "classify",
      source: form === "spec" ? "specification document 001" : form === "paper" ? PAPER_RESNET : `${PAPER_RESNET}, as in slim and timm`,
      minInputSize: MIN_SIZE,
      options: INCEPTION_RESNET_V2_OPTIONS[form],
      describe: (options) => inceptionResnetV2(form, options),
    }),
  ),
  ...(["table", "paper", "code"] as const).map(
    (form): ListedModel => ({
      id: `inception_resnet_3d.${form}`,
      family: "inception_resnet_3d",
      variant: form,
      task: "segment",
      source:
        form === "table" ? SPEC_3D : `${SPEC_3D}, with the repeats of ${form === "paper" ? PAPER_RESNET : "slim's Inception-ResNet-v2"}`,
      minInputSize: 1,
      options: INCEPTION_RESNET_3D_OPTIONS[form],
      describe: (options) => inceptionResnet3d(form, options),
    }),
  ),
];

/**
 * The model with an id; a bare family name means its `public` form, `slim` (Inception-v2) or `table` (volumes) where it has none.
 *
 * @param others - further names that the caller knows, for the hint at what was probably meant
 * @throws InceptionError MODEL_UNKNOWN listing the ids
 */
export function findModel(id: string, others: readonly string[] = []): ListedModel {
  const ids = [id, ...DEFAULT_FORMS.map((form) => `${id}.${form}`)];
  const model = MODELS.find((candidate) => ids.includes(candidate.id));
  if (model) return model;
  const known = MODELS.map((candidate) => candidate.id);
  const near = nearestName(id, [...others, ...new Set(MODELS.map((candidate) => candidate.family)), ...known]);
  const hint = near === null ? "" : `did you mean "${near}"? `;
  throw new InceptionError("MODEL_UNKNOWN", `Cannot find model "${id}": ${hint}expected one of ${[...others, ...known].join(", ")}`, {
    id,
    near,
  });
}

/**
 * Describes a network: build its graph, shaped and checked.
 *
 * @param id - a model id, or a family name for its public form, or `slim` or `table` where there is none
 * @param options - see `findModel(id).options`; what is not given has its default. `findModel(id).describe` takes ids and options
 *   that are known only when the program runs
 * @throws InceptionError MODEL_UNKNOWN or OPTION_INVALID
 *
 * @example
 * ```ts
 * import { describeModel } from "inceptionkit/models";
 * const graph = describeModel("inception_resnet_v2", { numClasses: 5, inputSize: [331, 275] });
 * graph.outputs.map((output) => output.name); // ["logits", "features"]
 * ```
 */
export function describeModel<N extends ModelName>(id: N, options: OptionsOf<N> = {}): Graph {
  return findModel(id).describe(options);
}
