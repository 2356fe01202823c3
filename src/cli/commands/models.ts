import { summarize } from "../../analysis/summary.js";
import { MODELS } from "../../models/index.js";
import { weightSetsOf } from "../../models/weights.js";
import { BUNDLED_MODELS } from "../../node/bundled-models.js";
import type { RunCommand } from "../command.js";
import { formatCount, formatTable, printJson } from "../io.js";

/** `models`: every network with its source, default input, parameters, MACs, published weight files and bundled models. */
export const run: RunCommand = async (_operands, flags, io) => {
  const rows = MODELS.map(({ id, family, variant: form, task, source, minInputSize, options, describe }) => {
    const { input, params, nonTrainable, macs } = summarize(describe());
    const sets = weightSetsOf(id);
    const known = { id, family, form, task, source, input: input.slice(1), minInputSize, params, nonTrainable, macs };
    const files = sets.flatMap((set) => set.files.map((file) => ({ set: set.id, ...file })));
    const bundled = BUNDLED_MODELS.flatMap(({ model, ...shipped }) => (model === id ? [shipped] : []));
    return { ...known, options: Object.keys(options), weights: sets.map((set) => set.id), files, bundled };
  });
  if (flags.json === true) {
    printJson(io, rows);
    return 0;
  }
  const cells = rows.map(({ id, task, input, params, macs }) => [id, task, input.join("×"), formatCount(params), formatCount(macs)]);
  io.out(formatTable(["id", "task", "input", "parameters", "MACs"], cells, [3, 4]));
  const files = rows.flatMap((row) => row.files.map(({ name, source }) => [row.id, `pretrained:${name}`, source]));
  io.out(`\n${formatTable(["network", "--weights", "source"], files)}`);
  const bundled = rows.flatMap((row) => row.bundled.map(({ id, summary }) => [id, row.id, summary]));
  io.out(`\n${formatTable(["bundled model", "network", "use"], bundled)}`);
  return 0;
};
