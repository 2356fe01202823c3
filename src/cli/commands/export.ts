import { messageOf } from "../../errors.js";
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
import { invalid, missing, unexpected } from "../usage-error.js";

/** `export RUN --out FILE`, `export ID --weights SRC --out FILE`, `export ID --training-step FILE`. */
export const run: RunCommand = async ([id], flags, io) => {
  const step = textFlag(flags, "trainingStep");
  return step === undefined ? exportNetwork(String(id), flags, io) : exportStep(String(id), step, flags, io);
};

async function exportNetwork(model: string, flags: Flags, io: Io): Promise<number> {
  const target = targetOf(flags);
  for (const [name, format] of Object.entries({ half: "safetensors", dynamicSize: "onnx", naming: "safetensors" })) {
    if (flags[name] !== undefined && target.format !== format)
      throw unexpected([flagName(name)], `supported only with --format ${format}, not with ${target.format}`);
  }
  refuseStepSettings(flags);
  if (textFlag(flags, "weights") === undefined && findBundledModel(model) === null && !(await isRunFolder(model)))
    throw missing("--weights", "pass pretrained, hf:OWNER/NAME or a file, or export a run directory");
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

/** The file to write and its format: --format, or the ending of --out. */
function targetOf(flags: Flags): Target {
  const out = textFlag(flags, "out");
  const ending = out?.match(/\.(onnx|safetensors)$/i)?.[1]?.toLowerCase();
  const format = choiceFlag(flags, "format", FORMATS) ?? FORMATS.find((each) => each === ending);
  if (out !== undefined && format === "timm" && ending === undefined) return { out, format };
  if (out !== undefined && format !== undefined && format === ending) return { out, format };
  const expected =
    format === undefined
      ? "a name that ends in .onnx or .safetensors, or a directory and --format timm"
      : format === "timm"
        ? "a directory"
        : `a name that ends in .${format}`;
  throw out === undefined ? missing("--out", `pass ${expected}`) : invalid("--out", out, expected);
}

function write(prepared: PreparedModel, { out, format }: Target, flags: Flags): Promise<{ readonly bytes: number }> {
  if (format === "timm") return exportTimm(prepared, out);
  if (format === "onnx") return exportOnnx(prepared, out, { dynamicSize: flags.dynamicSize === true });
  return exportSafetensors(prepared, out, textFlag(flags, "naming") ?? "inceptionkit", { half: flags.half === true });
}

/** @throws InceptionError USAGE for a setting that would have no effect */
function refuseStepSettings(flags: Flags): void {
  const given = Object.keys(givenSettings(flags, STEP_SETTINGS)).filter((name) => name !== "weights");
  if (given.length > 0) throw unexpected(given.map(optionFlagName), "supported only with --training-step");
}

async function exportStep(id: string, file: string, flags: Flags, io: Io): Promise<number> {
  const useless = ["out", "format", "naming", "classNames", "dynamicSize", "checkpoint"].filter((name) => flags[name] !== undefined);
  if (useless.length > 0) throw unexpected(useless.map(flagName), "not supported with --training-step");
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
