/** The low level: tensors, graphs, ops, analysis, ONNX emission. Knows neither Node nor the browser. */
export { type ReceptiveField, receptiveFields } from "./analysis/receptive-field.js";
export { type LayerSummary, type StageSummary, type Summary, summarize } from "./analysis/summary.js";
export { type GradientOptions, gradients } from "./autodiff/gradient.js";
export { supportsDynamicSize } from "./compile/any-size.js";
export { type CompileOptions, compileInference } from "./compile/compile.js";
export type { Target, TargetOptions } from "./compile/targets/index.js";
export { type SplitNetwork, splitFrozen } from "./compile/training/frozen.js";
export type { StateKind, StateTensor, TrainingFeed, TrainingOptions } from "./compile/training/options.js";
export { type CompiledProgram, type CompiledTraining, compileTraining, initialState } from "./compile/training/training.js";
export {
  type Diagram,
  type DiagramEdge,
  type DiagramFormat,
  type DiagramNode,
  type DiagramOptions,
  diagram,
  renderDiagram,
} from "./diagram/index.js";
export {
  type Comparison,
  compareGraphs,
  compareTensors,
  comparisonSvg,
  type Difference,
  type TensorComparison,
  type TensorSet,
} from "./diff/index.js";
export { type ErrorCode, type ErrorDetails, InceptionError, messageOf } from "./errors.js";
export { type ByteSource, bytesSource } from "./formats/byte-source.js";
export { concatChunks } from "./formats/concat-chunks.js";
export { encodeNpy } from "./formats/npy.js";
export type { EncodedModel } from "./formats/onnx/encode.js";
export type { Graph, GraphInput, GraphOutput, Module, Node, Parameter, ParameterRole, Stage } from "./ir/graph.js";
export { printGraph } from "./ir/print.js";
export { selectOutputs } from "./ir/prune.js";
export { GraphBuilder, type Ref } from "./ops/build.js";
export { checkGraph, OPS, type OpName } from "./ops/index.js";
export { adadelta, adagrad, adam, adamw, type Optimizer, optimizerOf, rmsprop, rmspropTf, sgd } from "./optim/index.js";
export type { Trainer, TrainerOptions, TrainingProgram } from "./runtime/trainer.js";
export { bytesPerElement, type DType, type TensorData, viewBytes } from "./tensor/dtype.js";
export { fillCheckpointTensor, fillUniform } from "./tensor/fill.js";
export type { Dim, Shape, TensorType } from "./tensor/shape.js";
export { elementCount, float32Tensor, type Tensor } from "./tensor/tensor.js";
