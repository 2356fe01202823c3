import { diagram, renderDiagram } from "../../diagram/index.js";
import { structureDiagram, structureOfFile } from "../../diff/index.js";
import { openNetwork } from "../../node/diff-operands.js";
import { writeFileAtomic } from "../../node/write-file.js";
import { visibleJsonText } from "../../text.js";
import type { RunCommand } from "../command.js";
import { networkFlags, textFlag } from "../flags.js";
import { modelOperand } from "../model-operand.js";

/** `diagram ID|RUN|FILE.onnx|FILE.js`: drawn on standard output, or into a file. */
export const run: RunCommand = async ([id], flags, io) => {
  const block = textFlag(flags, "block");
  // --json means the same as for every other command.
  const format = flags.json === true ? "json" : (textFlag(flags, "format") ?? "mermaid");
  const network = await openNetwork(await modelOperand(String(id)), networkFlags(flags));
  const options = block === undefined ? {} : { block };
  const drawn =
    "graph" in network
      ? diagram(network.graph, options)
      : structureDiagram(structureOfFile(network.name, network.onnx, network.constants), options);
  const text = await renderDiagram(drawn, format);
  const file = textFlag(flags, "out");
  if (file === undefined) io.out(`${(format === "json" ? visibleJsonText(text) : text).trimEnd()}\n`);
  else await writeFileAtomic(file, [new TextEncoder().encode(text)]);
  return 0;
};
