import { diagram, renderDiagram } from "../../diagram/index.js";
import { describeModel } from "../../models/index.js";
import { writeFileAtomic } from "../../node/write-file.js";
import type { RunCommand } from "../command.js";
import { networkFlags, textFlag } from "../flags.js";

/** `diagram ID`: drawn on standard output, or into a file. */
export const run: RunCommand = async ([id], flags, io) => {
  const block = textFlag(flags, "block");
  // --json means the same as for every other command.
  const format = flags.json === true ? "json" : (textFlag(flags, "format") ?? "mermaid");
  const text = await renderDiagram(diagram(describeModel(String(id), networkFlags(flags)), block === undefined ? {} : { block }), format);
  const file = textFlag(flags, "out");
  if (file === undefined) io.out(text.endsWith("\n") ? text : `${text}\n`);
  else await writeFileAtomic(file, [new TextEncoder().encode(text)]);
  return 0;
};
