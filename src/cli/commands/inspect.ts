import { messageOf } from "../../errors.js";
import { shortened } from "../../formats/quoted.js";
import { type Inspection, inspectFile } from "../../node/inspect-file.js";
import type { VolumeSummary } from "../../node/volumes.js";
import type { QuantizationRecord } from "../../predict/quantization-record.js";
import type { RunCommand } from "../command.js";
import { textFlag } from "../flags.js";
import { formatCount, formatTable, printJson } from "../io.js";

/** `inspect FILE`. */
export const run: RunCommand = async ([file], flags, io) => {
  const series = textFlag(flags, "series");
  const inspection = await inspectFile(String(file), series === undefined ? {} : { series });
  if (flags.json === true) {
    printJson(io, jsonOf(inspection));
    return 0;
  }
  const { format, bytes, values, tensors, volume } = inspection;
  if (volume !== null) {
    io.out(
      `${messageOf(inspection.file)}: ${format}, ${formatCount(bytes)} bytes, ${formatCount(values)} voxels\n${describeVolume(volume)}`,
    );
    return 0;
  }
  io.out(
    `${messageOf(inspection.file)}: ${format}, ${formatCount(bytes)} bytes, ${formatCount(tensors.length)} tensors, ${formatCount(values)} values\n`,
  );
  io.out(describeMetadata(inspection) + describeFits(inspection) + describeOnnx(inspection));
  if (tensors.length > 0) {
    const rows = tensors.map(({ name, dtype, shape }) => [messageOf(name), dtype, `[${shape.join(", ")}]`]);
    io.out(`\n${formatTable(["tensor", "dtype", "shape"], rows)}`);
  }
  return 0;
};

function describeMetadata({ artefact, metadata }: Inspection): string {
  if (artefact === null) {
    const entries = Object.entries(metadata).map(([key, value]) => `  ${shortened(key)}: ${shortened(value)}\n`);
    return entries.join("");
  }
  const { model, options, source, licence, labels, golden, quantization, segmentation } = artefact;
  const samples = segmentation === undefined ? "images" : "volumes";
  return [
    `  model    ${shortened(model)} ${shortened(JSON.stringify(options))}`,
    `  weights  ${shortened(source)}`,
    `  license  ${shortened(licence)}`,
    `  labels   ${labels === null ? "none" : `${labels.length}: ${labels.slice(0, 5).map(shortened).join(", ")}${labels.length > 5 ? ", …" : ""}`}`,
    ...(quantization === undefined ? [] : [`  int8     ${describeQuantization(quantization, samples)}`]),
    `  self-check  ${golden === null ? "none" : "yes, runs when the model is loaded"}`,
    "",
  ].join("\n");
}

/** A line for each network and weight set that weights fit. */
function describeFits({ fits }: Inspection): string {
  if (fits === undefined) return "";
  if (fits.length === 0) return "  fits     no known network at its default options\n";
  const rows = fits.map(({ model, weightSet, names, classes, foreign }) => {
    const other = foreign.length === 0 ? "" : `, ${foreign.length} tensors of another classifier`;
    const classifier = classes === 0 ? "no classifier" : `${formatCount(classes)} classes`;
    return `  fits     ${model} with ${names} naming${weightSet === null ? "" : ` (${weightSet})`}: ${classifier}${other}\n`;
  });
  return rows.join("");
}

/** The promised keys: of a volume its own, beside what every file has. */
function jsonOf(inspection: Inspection): unknown {
  const { file, format, bytes, values, volume } = inspection;
  return volume === null ? inspection : { file, format, bytes, values, ...volume };
}

function describeQuantization(record: QuantizationRecord, samples: string): string {
  const { kernelBits, method, percentile, images, kept, agreement, evaluated } = record;
  const how = percentile === undefined ? method : `${method} ${percentile}`;
  const floats = kept.length === 0 ? "" : `; float32: ${kept.map(messageOf).join(", ")}`;
  const kernels = kernelBits === 8 ? "int8 weights" : "int8 weights of 7 bits";
  return `${kernels}, uint8 activations; ${how} calibration on ${images} ${samples}; agreement ${agreement.toFixed(4)} on ${evaluated} held-out ${samples}${floats}`;
}

/** Digits that tell float32 numbers apart. */
const DIGITS = 7;

function describeVolume(volume: VolumeSummary): string {
  const { shape, spacing, orientation, affine, affineFrom, units, dtype, scaling, version, littleEndian, description } = volume;
  const rows = formatTable(
    ["", "i", "j", "k", "origin"],
    affine.slice(0, 3).map((row, world) => [["x", "y", "z"][world] ?? "", ...row.map(formatNumber)]),
  );
  const time = units.time === "unknown" ? "" : `, time in ${units.time}`;
  return [
    `  version      ${version === null ? "DICOM series" : `NIfTI-${version}, ${littleEndian ? "little" : "big"}-endian`}`,
    `  shape        ${shape.join(" x ")}`,
    `  spacing      ${spacing.map(formatNumber).join(" x ")} (space in ${units.space}${time})`,
    `  orientation  ${orientation ?? "none: the affine flattens the volume"}`,
    `  voxels       ${dtype}, ${describeScaling(scaling)}`,
    `  values       ${formatNumber(volume.min)} to ${formatNumber(volume.max)}, mean ${formatNumber(volume.mean)}${volume.nonFinite > 0 ? `, ${formatCount(volume.nonFinite)} not finite` : ""}`,
    ...(description === "" ? [] : [`  description  ${messageOf(description)}`]),
    "",
    `affine from ${affineFrom}:`,
    rows,
  ].join("\n");
}

function describeScaling(scaling: VolumeSummary["scaling"]): string {
  if (scaling === null) return "not scaled";
  if (scaling === "by slice") return "scaled slice by slice";
  return `times ${formatNumber(scaling.slope)} plus ${formatNumber(scaling.intercept)}`;
}

function formatNumber(value: number | null): string {
  return value === null ? "none" : String(Number(value.toPrecision(DIGITS)));
}

function describeOnnx({ onnx }: Inspection): string {
  if (onnx === null) return "";
  const values = (list: typeof onnx.inputs): string =>
    list.map(({ name, dtype, shape }) => `${messageOf(name)}: ${dtype ?? "?"}[${(shape ?? ["?"]).join(", ")}]`).join(", ");
  const ops = Object.entries(onnx.ops).map(([name, count]) => `${messageOf(name)} ${count}`);
  return [
    `  onnx     IR ${onnx.irVersion}, ${onnx.opsets.map(({ domain, version }) => `${messageOf(domain) || "ai.onnx"} ${version}`).join(", ")}, by ${messageOf(onnx.producer.name) || "unknown"}`,
    `  inputs   ${values(onnx.inputs)}`,
    `  outputs  ${values(onnx.outputs)}`,
    `  nodes    ${formatCount(onnx.nodes)}: ${ops.join(", ")}`,
    ...(onnx.externalFiles.length > 0 ? [`  refers to other files, not opened: ${onnx.externalFiles.map(messageOf).join(", ")}`] : []),
    "",
  ].join("\n");
}
