import { messageOf } from "../../errors.js";
import { type Inspection, inspectFile } from "../../node/inspect-file.js";
import type { RunCommand } from "../command.js";
import { formatCount, formatTable, printJson } from "../io.js";

/** `inspect FILE`. */
export const run: RunCommand = async ([file], flags, io) => {
  const inspection = await inspectFile(String(file));
  if (flags.json === true) {
    printJson(io, inspection);
    return 0;
  }
  const { format, bytes, values, tensors } = inspection;
  io.out(
    `${inspection.file}: ${format}, ${formatCount(bytes)} bytes, ${formatCount(tensors.length)} tensors, ${formatCount(values)} values\n`,
  );
  io.out(describeArtefact(inspection) + describeOnnx(inspection));
  if (tensors.length > 0) {
    const rows = tensors.map(({ name, dtype, shape }) => [messageOf(name), dtype, `[${shape.join(", ")}]`]);
    io.out(`\n${formatTable(["tensor", "dtype", "shape"], rows)}`);
  }
  return 0;
};

function describeArtefact({ artefact, metadata }: Inspection): string {
  if (artefact === null) {
    const entries = Object.entries(metadata).map(([key, value]) => `  ${messageOf(key)}: ${messageOf(value).slice(0, 200)}\n`);
    return entries.join("");
  }
  const { model, options, source, licence, labels, golden } = artefact;
  return [
    `  model    ${messageOf(model)} ${messageOf(JSON.stringify(options))}`,
    `  weights  ${messageOf(source)}`,
    `  licence  ${messageOf(licence)}`,
    `  labels   ${labels === null ? "none" : `${labels.length}: ${messageOf(labels.slice(0, 5).join(", "))}${labels.length > 5 ? ", …" : ""}`}`,
    `  example  ${golden === null ? "none" : `checked when the file is loaded`}`,
    "",
  ].join("\n");
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
