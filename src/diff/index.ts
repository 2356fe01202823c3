/** In what two networks, or two sets of weights, differ. */
export { type Comparison, compareGraphs, type Difference, ignoreKinds } from "./compare.js";
export { compareOperands, type Operand, structureOfFile } from "./operands.js";
export { type StructureSummary, structureDiagram, summarizeStructure } from "./structure-views.js";
export { comparisonSvg } from "./svg.js";
export { type ComparedTensor, compareTensors, type TensorComparison, type TensorDifference, type TensorSet } from "./tensors.js";
export { blockRows, layerGroups, type Row, totalRows } from "./text.js";
