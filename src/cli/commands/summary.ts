import { type Summary, summarize } from "../../analysis/summary.js";
import { describeModel } from "../../models/index.js";
import type { RunCommand } from "../command.js";
import { networkFlags } from "../flags.js";
import { formatCount, formatTable, printJson } from "../io.js";

/** `summary ID`: the layer table. */
export const run: RunCommand = async ([id], flags, io) => {
  const summary = summarize(describeModel(String(id), networkFlags(flags)));
  if (flags.json === true) {
    printJson(io, summary);
    return 0;
  }
  io.out(`${summary.id}, input ${summary.input.join("×")}\n\n`);
  if (flags.stages !== true) io.out(`${layerTable(summary)}\n`);
  io.out(`${stageTable(summary)}\n`);
  io.out(`parameters     ${formatCount(summary.params)} (and ${formatCount(summary.nonTrainable)} running statistics)\n`);
  io.out(`multiply-adds  ${formatCount(summary.macs)} for one input\n`);
  return 0;
};

function layerTable(summary: Summary): string {
  const rows = summary.layers.map(({ path, op, shape, params, macs, receptiveField }) => [
    path,
    op,
    shape.join("×"),
    formatCount(params),
    formatCount(macs),
    receptiveField === "all" ? "all" : receptiveField.join("×"),
  ]);
  return formatTable(["layer", "op", "shape", "parameters", "multiply-adds", "receptive field"], rows, [3, 4, 5]);
}

function stageTable(summary: Summary): string {
  const rows = summary.stages.map(({ path, shape, params, macs }) => [path, shape.join("×"), formatCount(params), formatCount(macs)]);
  return formatTable(["stage ends at", "shape", "parameters", "multiply-adds"], rows, [2, 3]);
}
