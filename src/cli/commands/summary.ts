import { type Summary, summarize } from "../../analysis/summary.js";
import { type StructureSummary, structureOfFile, summarizeStructure } from "../../diff/index.js";
import { openNetwork } from "../../node/diff-operands.js";
import type { RunCommand } from "../command.js";
import { networkFlags } from "../flags.js";
import { formatCount, formatTable, printJson } from "../io.js";
import { modelOperand } from "../model-operand.js";

/** `summary ID|RUN|FILE.onnx|FILE.js`: the layer table. */
export const run: RunCommand = async ([id], flags, io) => {
  const network = await openNetwork(await modelOperand(String(id)), networkFlags(flags));
  const summary =
    "graph" in network ? summarize(network.graph) : summarizeStructure(structureOfFile(network.name, network.onnx, network.constants));
  if (flags.json === true) {
    printJson(io, summary);
    return 0;
  }
  io.out(`${summary.id}, input ${formatShape(summary.input)}\n\n`);
  if (flags.stages !== true) io.out(`${layerTable(summary)}\n`);
  io.out(`${stageTable(summary)}\n`);
  const statistics = summary.nonTrainable === null ? "" : ` trainable, ${formatCount(summary.nonTrainable)} running statistics`;
  io.out(`parameters  ${formatCount(summary.params)}${statistics}\n`);
  io.out(`MACs        ${formatMacs(summary.macs)}${summary.macs === null ? "" : " per input"}\n`);
  return 0;
};

type Shown = Summary | StructureSummary;

function layerTable(summary: Shown): string {
  const rows = summary.layers.map(({ path, op, shape, params, macs, receptiveField }) => [
    path,
    op,
    formatShape(shape),
    formatCount(params),
    formatMacs(macs),
    ...(receptiveField === null ? [] : [receptiveField === "all" ? "all" : receptiveField.join("×")]),
  ]);
  const header = ["layer", "op", "shape", "parameters", "MACs", ...(isFull(summary) ? ["receptive field"] : [])];
  return formatTable(header, rows, [3, 4, 5]);
}

/** Whether the network is a described one, of which everything is known. */
function isFull(summary: Shown): summary is Summary {
  return summary.nonTrainable !== null;
}

function stageTable(summary: Shown): string {
  const rows = summary.stages.map(({ path, shape, params, macs }) => [path, formatShape(shape), formatCount(params), formatMacs(macs)]);
  return formatTable([isFull(summary) ? "stage ends at" : "block", "shape", "parameters", "MACs"], rows, [2, 3]);
}

/** `3×224×224`; `?` for what a file does not state. */
function formatShape(shape: readonly (number | null)[] | null): string {
  return shape === null ? "?" : shape.map((size) => size ?? "?").join("×");
}

function formatMacs(macs: number | null): string {
  return macs === null ? "?" : formatCount(macs);
}
