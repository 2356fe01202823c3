/**
 * The operators that a model for inference may be made of, with their ONNX schemas: inputs, outputs and attributes by
 * operator set. The facts are those of ONNX 1.23 (`onnx.defs`), without versions that only add element types.
 *
 * No control flow, no custom domain, nothing that reads files, draws random numbers or trains.
 */

/** Operator sets that ONNX Runtime 1.30 promises to run. Its own bounds are 6 and 26. */
export const OPSETS = { least: 7, most: 26 } as const;

/** What the value of an attribute may be. */
export type AttributeRule = { readonly required?: true } & (
  | { readonly type: "int"; readonly least: number; readonly most: number }
  | { readonly type: "ints"; readonly least: number; readonly most: number }
  | { readonly type: "string"; readonly among: readonly string[] }
  | { readonly type: "float" | "floats" | "tensor" }
);

export interface Schema {
  /** The first operator set that has this form. */
  readonly since: number;
  /** Names in order; `?` marks one that may be left out, `...` one that may be repeated. */
  readonly inputs: string;
  readonly outputs: string;
  readonly attributes: Readonly<Record<string, AttributeRule>>;
}

type Attributes = Schema["attributes"];

function schema(since: number, inputs: string, attributes: Attributes = {}, outputs = "Y"): Schema {
  return { since, inputs, outputs, attributes };
}

function int(least: number, most: number): AttributeRule {
  return { type: "int", least, most };
}

function ints(least: number, most: number): AttributeRule {
  return { type: "ints", least, most };
}

function oneOf(...among: readonly string[]): AttributeRule {
  return { type: "string", among };
}

function required(rule: AttributeRule): AttributeRule {
  return { ...rule, required: true };
}

const FLOAT: AttributeRule = { type: "float" };
const FLAG = int(0, 1);
/** What the runtime keeps in 32 bits. */
const MAX_SIZE = 2 ** 31 - 1;
/** Any integer: exporters write the largest for "to the end". */
const INT64 = [-(2 ** 63), 2 ** 63] as const;
/** No tensor has more than 64 axes (`MAX_RANK` of decode-tensor.ts); whether it has this one is seen when shapes are inferred. */
const AXIS = int(-64, 63);
const AXES = ints(-64, 63);
const SIZES = ints(1, MAX_SIZE);
/** TensorProto.DataType: the codes that onnx.proto has today. */
const DATA_TYPE = int(1, 26);
const OUTPUT_DATA_TYPE = int(0, 26);

const WINDOW: Attributes = {
  auto_pad: oneOf("NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"),
  kernel_shape: SIZES,
  pads: ints(0, MAX_SIZE),
  strides: SIZES,
};
const POOL: Attributes = { ...WINDOW, kernel_shape: required(SIZES) };
const CONV: Attributes = { ...WINDOW, dilations: SIZES, group: int(1, MAX_SIZE) };
const MAX_POOL: Attributes = { ...POOL, storage_order: FLAG };
const BATCH_NORM: Attributes = { epsilon: FLOAT, momentum: FLOAT };
const GEMM: Attributes = { alpha: FLOAT, beta: FLOAT, transA: FLAG, transB: FLAG };
const REDUCE: Attributes = { axes: AXES, keepdims: FLAG };
const REDUCE_BY_INPUT: Attributes = { keepdims: FLAG, noop_with_empty_axes: FLAG };
const RESIZE: Attributes = {
  coordinate_transformation_mode: oneOf(
    "half_pixel",
    "half_pixel_symmetric",
    "pytorch_half_pixel",
    "align_corners",
    "asymmetric",
    "tf_half_pixel_for_nn",
    "tf_crop_and_resize",
  ),
  cubic_coeff_a: FLOAT,
  exclude_outside: FLAG,
  extrapolation_value: FLOAT,
  mode: oneOf("nearest", "linear", "cubic"),
  nearest_mode: oneOf("round_prefer_floor", "round_prefer_ceil", "floor", "ceil"),
};
const RESIZE_AXES: Attributes = {
  ...RESIZE,
  antialias: FLAG,
  axes: AXES,
  keep_aspect_ratio_policy: oneOf("stretch", "not_larger", "not_smaller"),
};
const QUANTIZE: Attributes = { axis: AXIS, saturate: FLAG };
const QUANTIZE_BLOCKS: Attributes = { ...QUANTIZE, block_size: int(0, MAX_SIZE), output_dtype: OUTPUT_DATA_TYPE };
const DEQUANTIZE_BLOCKS: Attributes = { axis: AXIS, block_size: int(0, MAX_SIZE) };
const TOP_K: Attributes = { axis: AXIS };

const unary = [schema(1, "X")];
const binary = [schema(7, "A B")];
const variadic = [schema(6, "data...")];
const reduction = [schema(1, "data", REDUCE), schema(18, "data axes?", REDUCE_BY_INPUT)];

/** Sorted by name; the forms of one operator in order of their operator sets. */
export const SCHEMAS = {
  Add: binary,
  And: binary,
  ArgMax: [schema(1, "data", { axis: AXIS, keepdims: FLAG }), schema(12, "data", { axis: AXIS, keepdims: FLAG, select_last_index: FLAG })],
  AveragePool: [
    schema(7, "X", { ...POOL, count_include_pad: FLAG }),
    schema(10, "X", { ...POOL, count_include_pad: FLAG, ceil_mode: FLAG }),
    schema(19, "X", { ...POOL, count_include_pad: FLAG, ceil_mode: FLAG, dilations: SIZES }),
  ],
  // For training it has more outputs and training_mode 1, which end ONNX Runtime 1.30 with a segmentation fault for some
  // shapes. `spatial` 0 means one scale for each pixel, which no exporter writes.
  BatchNormalization: [
    schema(7, "X scale B mean var", { ...BATCH_NORM, spatial: int(1, 1) }),
    schema(9, "X scale B mean var", BATCH_NORM),
    schema(14, "X scale B mean var", { ...BATCH_NORM, training_mode: int(0, 0) }),
  ],
  Cast: [
    schema(6, "input", { to: required(DATA_TYPE) }),
    schema(19, "input", { to: required(DATA_TYPE), saturate: FLAG }),
    schema(24, "input", { to: required(DATA_TYPE), saturate: FLAG, round_mode: oneOf("up", "down", "nearest") }),
  ],
  Ceil: unary,
  Clip: [schema(6, "input", { min: FLOAT, max: FLOAT }), schema(11, "input min? max?")],
  Concat: [schema(4, "inputs...", { axis: required(AXIS) })],
  Constant: [
    schema(1, "", { value: required({ type: "tensor" }) }),
    schema(12, "", {
      value: { type: "tensor" },
      value_float: FLOAT,
      value_floats: { type: "floats" },
      value_int: int(...INT64),
      value_ints: ints(...INT64),
    }),
  ],
  Conv: [schema(1, "X W B?", CONV)],
  ConvTranspose: [schema(1, "X W B?", { ...CONV, output_padding: ints(0, MAX_SIZE), output_shape: SIZES })],
  DequantizeLinear: [
    schema(10, "x x_scale x_zero_point?"),
    schema(13, "x x_scale x_zero_point?", { axis: AXIS }),
    schema(21, "x x_scale x_zero_point?", DEQUANTIZE_BLOCKS),
    schema(23, "x x_scale x_zero_point?", { ...DEQUANTIZE_BLOCKS, output_dtype: OUTPUT_DATA_TYPE }),
  ],
  Div: binary,
  Dropout: [
    schema(7, "data", { ratio: FLOAT }, "output mask?"),
    schema(12, "data ratio? training_mode?", { seed: int(...INT64) }, "output mask?"),
  ],
  Equal: binary,
  Exp: unary,
  Expand: [schema(8, "input shape")],
  Flatten: [schema(1, "input", { axis: AXIS })],
  Floor: unary,
  Gather: [schema(1, "data indices", { axis: AXIS })],
  GatherElements: [schema(11, "data indices", { axis: AXIS })],
  Gemm: [schema(7, "A B C", GEMM), schema(11, "A B C?", GEMM)],
  GlobalAveragePool: unary,
  GlobalMaxPool: unary,
  Greater: binary,
  HardSigmoid: [schema(6, "X", { alpha: FLOAT, beta: FLOAT })],
  Identity: unary,
  InstanceNormalization: [schema(6, "input scale B", { epsilon: FLOAT })],
  IsInf: [schema(10, "X", { detect_negative: FLAG, detect_positive: FLAG })],
  IsNaN: [schema(9, "X")],
  LRN: [schema(1, "X", { alpha: FLOAT, beta: FLOAT, bias: FLOAT, size: required(int(1, MAX_SIZE)) })],
  LeakyRelu: [schema(6, "X", { alpha: FLOAT })],
  Log: unary,
  LogSoftmax: [schema(1, "input", { axis: AXIS })],
  LpNormalization: [schema(1, "input", { axis: AXIS, p: int(1, 2) })],
  MatMul: [schema(1, "A B")],
  Max: variadic,
  MaxPool: [
    schema(1, "X", POOL),
    schema(8, "X", MAX_POOL, "Y Indices?"),
    schema(10, "X", { ...MAX_POOL, ceil_mode: FLAG, dilations: SIZES }, "Y Indices?"),
  ],
  Min: variadic,
  Mod: [schema(10, "A B", { fmod: FLAG })],
  Mul: binary,
  Neg: unary,
  Not: unary,
  Or: binary,
  PRelu: [schema(7, "X slope")],
  Pad: [
    schema(2, "data", { mode: oneOf("constant", "reflect", "edge"), pads: required(ints(-MAX_SIZE, MAX_SIZE)), value: FLOAT }),
    schema(11, "data pads constant_value?", { mode: oneOf("constant", "reflect", "edge") }),
    schema(18, "data pads constant_value? axes?", { mode: oneOf("constant", "reflect", "edge") }),
    schema(19, "data pads constant_value? axes?", { mode: oneOf("constant", "reflect", "edge", "wrap") }),
  ],
  Pow: [schema(7, "X Y")],
  QuantizeLinear: [
    schema(10, "x y_scale y_zero_point?"),
    schema(13, "x y_scale y_zero_point?", { axis: AXIS }),
    schema(19, "x y_scale y_zero_point?", QUANTIZE),
    schema(21, "x y_scale y_zero_point?", QUANTIZE_BLOCKS),
    schema(23, "x y_scale y_zero_point?", { ...QUANTIZE_BLOCKS, precision: OUTPUT_DATA_TYPE }),
  ],
  Reciprocal: unary,
  ReduceL2: reduction,
  ReduceMax: reduction,
  ReduceMean: reduction,
  ReduceSum: [schema(1, "data", REDUCE), schema(13, "data axes?", REDUCE_BY_INPUT)],
  Relu: unary,
  Reshape: [schema(5, "data shape"), schema(14, "data shape", { allowzero: FLAG })],
  Resize: [
    schema(10, "X scales", { mode: oneOf("nearest", "linear") }),
    schema(11, "X roi scales sizes?", RESIZE),
    schema(13, "X roi? scales? sizes?", RESIZE),
    schema(18, "X roi? scales? sizes?", RESIZE_AXES),
  ],
  Shape: [schema(1, "data"), schema(15, "data", { start: int(...INT64), end: int(...INT64) })],
  Sigmoid: unary,
  Slice: [
    schema(1, "data", {
      axes: AXES,
      starts: required(ints(...INT64)),
      ends: required(ints(...INT64)),
    }),
    schema(10, "data starts ends axes? steps?"),
  ],
  Softmax: [schema(1, "input", { axis: AXIS })],
  Split: [
    schema(2, "input", { axis: AXIS, split: ints(0, MAX_SIZE) }, "outputs..."),
    schema(13, "input split?", { axis: AXIS }, "outputs..."),
    schema(18, "input split?", { axis: AXIS, num_outputs: int(1, MAX_SIZE) }, "outputs..."),
  ],
  Sqrt: unary,
  Squeeze: [schema(1, "data", { axes: AXES }), schema(13, "data axes?")],
  Sub: binary,
  Sum: variadic,
  Tanh: unary,
  TopK: [
    schema(1, "X", { ...TOP_K, k: required(int(0, MAX_SIZE)) }, "Values Indices"),
    schema(10, "X K", TOP_K, "Values Indices"),
    schema(11, "X K", { ...TOP_K, largest: FLAG, sorted: FLAG }, "Values Indices"),
  ],
  Transpose: [schema(1, "data", { perm: ints(0, 63) })],
  Unsqueeze: [schema(1, "data", { axes: required(AXES) }), schema(13, "data axes")],
  Where: [schema(9, "condition X Y")],
} as const satisfies Readonly<Record<string, readonly Schema[]>>;

export type InferenceOp = keyof typeof SCHEMAS;

/** The operators that a model for inference may be made of. */
export const INFERENCE_OPS: ReadonlySet<string> = new Set(Object.keys(SCHEMAS));

export function isInferenceOp(op: string): op is InferenceOp {
  return Object.hasOwn(SCHEMAS, op);
}

/** The form of an operator in an operator set, or null where it has none there. */
export function schemaOf(op: InferenceOp, opset: number): Schema | null {
  const forms: readonly Schema[] = SCHEMAS[op];
  return forms.findLast(({ since }) => since <= opset) ?? null;
}
