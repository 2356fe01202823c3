import { summarize } from "../../analysis/summary.js";
import { MODELS } from "../../models/index.js";
import type { RunCommand } from "../command.js";
import { formatCount, formatTable, printJson } from "../io.js";

/** `models`: every network with its default input, parameters and multiply-adds. */
export const run: RunCommand = async (_operands, flags, io) => {
  const rows = MODELS.map((model) => {
    const { input, params, macs } = summarize(model.describe());
    return { id: model.id, family: model.family, form: model.form, task: model.task, input: input.slice(1), params, macs };
  });
  if (flags.json === true) {
    printJson(io, rows);
    return 0;
  }
  const cells = rows.map(({ id, task, input, params, macs }) => [id, task, input.join("×"), formatCount(params), formatCount(macs)]);
  io.out(formatTable(["id", "task", "input", "parameters", "multiply-adds"], cells, [3, 4]));
  return 0;
};
