import { InceptionError, messageOf } from "../../errors.js";
import { findBundledModel } from "../../node/bundled-models.js";
import { exportOnnx, exportSafetensors } from "../../node/export-model.js";
import { exportTimm } from "../../node/export-timm.js";
import { resolveModel } from "../../node/load-model.js";
import { exportTrainingStep } from "../../node/training/export-step.js";
import { isRunFolder } from "../../node/training/run-weights.js";
import { describedModel } from "../../tasks/described-model.js";
import type { PreparedModel } from "../../tasks/prepare-model.js";
import { STEP_SETTINGS } from "../../train/settings.js";
import type { Flags, RunCommand } from "../command.js";
import { choiceFlag, flagName, optionFlags, textFlag } from "../flags.js";
import { formatBytes, formatCount, type Io, printJson } from "../io.js";
import { modelOperand } from "../model-operand.js";
import { optionFlagName } from "../option-words.js";
import { prepareFlags, sourceFlags } from "../run-model.js";
import { givenSettings } from "../training-flags.js";

/** `export RUN --out FILE`, `export ID --weights SRC --out FILE`, `export ID --training-step FILE`. */
export const run: RunCommand = async ([id], flags, io) => {
  const step = textFlag(flags, "trainingStep");
  return step === undefined ? exportNetwork(String(id), flags, io) : exportStep(String(id), step, flags, io);
};

async function exportNetwork(model: string, flags: Flags, io: Io): Promise<number> {
  const target = targetOf(flags);
  if (flags.half === true && target.format !== "safetensors") {
    throw new InceptionError("USAGE", `Cannot use --half with ${target.format}: expected it with safetensors`);
  }
  if (flags.dynamicSize === true && target.format !== "onnx") {
    throw new InceptionError("USAGE", `Cannot use --dynamic-size with ${target.format}: expected it with onnx`);
  }
  if (flags.naming !== undefined && target.format !== "safetensors") {
    throw new InceptionError("USAGE", `Cannot use --naming with ${target.format}: expected it with safetensors`);
  }
  refuseStepSettings(flags);
  if (textFlag(flags, "weights") === undefined && findBundledModel(model) === null && !(await isRunFolder(model)))
    throw new InceptionError(
      "USAGE",
      "Cannot export without weights: expected --weights with a file or hf:owner/name, or the folder of a run",
    );
  const prepared = await resolveModel(await modelOperand(model), await prepareFlags(flags, io));
  const { bytes } = await write(prepared, target, flags);
  const { matched, ignored, source, background } = prepared.report;
  if (flags.json === true) {
    const dropped = background === undefined ? {} : { background };
    printJson(io, { file: target.out, bytes, model: prepared.metadata.model, names: source, matched: matched.length, ignored, ...dropped });
    return 0;
  }
  io.out(
    `wrote ${messageOf(target.out)} (${formatBytes(bytes)}): ${formatCount(matched.length)} tensors with ${source} naming, ${formatCount(ignored.length)} ignored\n`,
  );
  if (background !== undefined) io.out(`dropped class 0 ("background") of 1001 from ${background.join(" and ")}\n`);
  return 0;
}

const FORMATS = ["onnx", "safetensors", "timm"] as const;

interface Target {
  readonly out: string;
  readonly format: (typeof FORMATS)[number];
}

/** What is written where: --format says it, or the ending of --out. */
function targetOf(flags: Flags): Target {
  const out = textFlag(flags, "out");
  const ending = out?.match(/\.(onnx|safetensors)$/i)?.[1]?.toLowerCase();
  const format = choiceFlag(flags, "format", FORMATS) ?? FORMATS.find((each) => each === ending);
  if (out !== undefined && format === "timm" && ending === undefined) return { out, format };
  if (out !== undefined && format !== undefined && format === ending) return { out, format };
  const law =
    format === "timm"
      ? "--out with a folder"
      : `--out with a name that ends in ${format === undefined ? ".onnx or .safetensors" : `.${format}`}${format === undefined ? ", or --format timm with a folder" : ""}`;
  throw new InceptionError("USAGE", `Cannot export to ${out ?? "nothing"}: expected ${law}`, { out });
}

function write(prepared: PreparedModel, { out, format }: Target, flags: Flags): Promise<{ readonly bytes: number }> {
  if (format === "timm") return exportTimm(prepared, out);
  if (format === "onnx") return exportOnnx(prepared, out, { dynamicSize: flags.dynamicSize === true });
  return exportSafetensors(prepared, out, textFlag(flags, "naming") ?? "inceptionkit", { half: flags.half === true });
}

/** A flag that would have no effect is a mistake. */
function refuseStepSettings(flags: Flags): void {
  const given = Object.keys(givenSettings(flags, STEP_SETTINGS)).filter((name) => name !== "weights");
  if (given.length === 0) return;
  throw new InceptionError(
    "USAGE",
    `Cannot export with ${given.map(optionFlagName).join(", ")}: expected --training-step, which alone uses them`,
    { given },
  );
}

async function exportStep(id: string, file: string, flags: Flags, io: Io): Promise<number> {
  const useless = ["out", "format", "naming", "classNames", "dynamicSize", "checkpoint"].filter((name) => flags[name] !== undefined);
  if (useless.length > 0) {
    throw new InceptionError("USAGE", `Cannot export a training step with ${useless.map(flagName).join(", ")}: expected none of these`, {
      useless,
    });
  }
  const settings = givenSettings(flags, STEP_SETTINGS);
  const { bytes, stateFile, stateBytes, feeds, state } = await exportTrainingStep(describedModel(await modelOperand(id)), file, settings, {
    options: optionFlags(flags),
    ...sourceFlags(flags, io),
  });
  if (flags.json === true) {
    printJson(io, { file, bytes, stateFile, stateBytes, feeds: feeds.map(({ name, dtype, shape }) => ({ name, dtype, shape })), state });
    return 0;
  }
  io.out(`wrote ${messageOf(file)} (${formatBytes(bytes)}); initial state of ${formatCount(state)} tensors in ${messageOf(stateFile)}\n`);
  for (const { name, dtype, shape, meaning } of feeds) io.out(`  feed ${name}  ${dtype}[${shape.join(", ")}]  ${meaning}\n`);
  return 0;
}
