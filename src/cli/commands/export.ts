import { InceptionError } from "../../errors.js";
import { exportOnnx, exportSafetensors } from "../../node/export-model.js";
import { prepareModel } from "../../node/prepare-model.js";
import type { RunCommand } from "../command.js";
import { optionFlags, textFlag } from "../flags.js";
import { formatCount, printJson } from "../io.js";
import { readLabels, readPreprocessing, sourceFlags } from "../run-model.js";

/** `export ID --weights SRC --out FILE`. */
export const run: RunCommand = async ([id], flags, io) => {
  const [weights, out, labels, preprocessing] = ["weights", "out", "labels", "preprocessing"].map((name) => textFlag(flags, name));
  if (weights === undefined)
    throw new InceptionError("USAGE", "Cannot export without weights: expected --weights with a file or hf:owner/name");
  const extension = out?.match(/\.(onnx|safetensors)$/i)?.[1]?.toLowerCase();
  if (out === undefined || extension === undefined) {
    throw new InceptionError(
      "USAGE",
      `Cannot export to ${out ?? "nothing"}: expected --out with a name that ends in .onnx or .safetensors`,
      { out },
    );
  }
  const prepared = await prepareModel(String(id), weights, {
    options: optionFlags(flags),
    ...sourceFlags(flags, io),
    ...(preprocessing === undefined ? {} : { preprocessing: await readPreprocessing(preprocessing) }),
    ...(labels === undefined ? {} : { labels: await readLabels(labels) }),
  });
  const { bytes } =
    extension === "onnx"
      ? await exportOnnx(prepared, out, { dynamicSize: flags.dynamicSize === true })
      : await exportSafetensors(prepared, out, textFlag(flags, "names") ?? "inceptionkit");
  const { matched, ignored, source } = prepared.report;
  if (flags.json === true)
    printJson(io, { file: out, bytes, model: prepared.artefact.model, names: source, matched: matched.length, ignored });
  else io.out(`${out}: ${formatCount(bytes)} bytes, ${matched.length} tensors read by ${source} names, ${ignored.length} ignored\n`);
  return 0;
};
