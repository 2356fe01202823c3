import {
  blockRows,
  type Comparison,
  compareTensors,
  comparisonSvg,
  ignoreKinds,
  layerGroups,
  type TensorComparison,
  type TensorDifference,
  totalRows,
} from "../../diff/index.js";
import { messageOf } from "../../errors.js";
import { quoted } from "../../formats/quoted.js";
import { compareNetworks, networkOfFile, openTensors } from "../../node/diff-operands.js";
import { isRunFolder } from "../../node/training/run-weights.js";
import { writeFileAtomic } from "../../node/write-file.js";
import { toNumber } from "../../options.js";
import type { Flags, RunCommand } from "../command.js";
import { EXIT } from "../exit-code.js";
import { checkpointFlag, flagName, optionFlags, textFlag } from "../flags.js";
import { formatCount, formatTable, type Io, printJson } from "../io.js";
import { modelOperand } from "../model-operand.js";
import { inFlags } from "../option-words.js";
import { sourceFlags } from "../run-model.js";
import { invalid, unexpected } from "../usage-error.js";

/** `diff A B`: two networks, or with --tensors two sets of tensors. Exit code 1 where they differ. */
export const run: RunCommand = async ([a, b], flags, io) =>
  flags.tensors === true ? diffWeights(String(a), String(b), flags, io) : diffNetworks(String(a), String(b), flags, io);

async function diffNetworks(a: string, b: string, flags: Flags, io: Io): Promise<number> {
  refuseFlags(flags, ["tolerance", "model", "checkpoint", "allowHttps"], "supported only with --tensors");
  const ignored = (textFlag(flags, "ignore") ?? "").split(",").filter((kind) => kind !== "");
  const comparison = ignoreKinds(
    await compareNetworks(await modelOperand(a), await modelOperand(b), { options: optionFlags(flags) }),
    ignored,
  );
  const file = textFlag(flags, "svg");
  if (file !== undefined) await writeFileAtomic(file, [new TextEncoder().encode(comparisonSvg(comparison))]);
  const { equal, differences } = comparison;
  const notes = comparison.notes.map(inFlags);
  if (flags.json === true) printJson(io, { equal, a: totalsOf(comparison.a), b: totalsOf(comparison.b), notes, differences });
  else io.out(networkText(comparison));
  return equal ? EXIT.success : EXIT.failed;
}

function totalsOf({ name, parameters, macs, layers }: Comparison["a"]) {
  return { name, parameters, macs, layers };
}

// A list of layers in a table must stay readable; --json has all.
const MAX_GROUPS = 40;
const MAX_PATHS = 3;
const MAX_ROWS = 60;

function networkText(comparison: Comparison): string {
  const { a, b, equal, blocks, differences } = comparison;
  const notes = comparison.notes.map(inFlags);
  const names = [messageOf(a.name), messageOf(b.name)];
  const ofBlocks = blocks.flatMap((block) =>
    blockRows(block).map((row, index) => [index === 0 ? messageOf((block.a ?? block.b)?.path) : "", ...row.map(messageOf)]),
  );
  const groups = layerGroups(blocks.flatMap(({ layers }) => layers));
  const shown = groups
    .slice(0, MAX_GROUPS)
    .flatMap(({ rows, paths }) => rows.map((row, index) => [index === 0 ? pathsText(paths) : "", ...row.map(messageOf)]));
  const more = groups.length > MAX_GROUPS ? `and ${formatCount(groups.length - MAX_GROUPS)} more (use --json for all)\n` : "";
  const count = differences.length === 1 ? "1 difference" : `${formatCount(differences.length)} differences`;
  return [
    formatTable(["", "A", "B"], [["network", ...names], ...totalRows(comparison).map((row) => row.map(messageOf))]),
    ofBlocks.length === 0 ? "" : formatTable(["block", "", "A", "B"], ofBlocks),
    shown.length === 0 ? "" : `${formatTable(["layers", "", "A", "B"], shown)}${more}`,
    ...notes.map((note) => `note: ${messageOf(note)}\n`),
    equal ? "identical\n" : `${count}\n`,
  ]
    .filter((part) => part !== "")
    .join("\n");
}

function pathsText(paths: readonly string[]): string {
  const named = paths.slice(0, MAX_PATHS).map(messageOf).join(", ");
  return paths.length > MAX_PATHS ? `${named} and ${paths.length - MAX_PATHS} more` : named;
}

async function diffWeights(a: string, b: string, flags: Flags, io: Io): Promise<number> {
  refuseFlags(flags, ["svg", "ignore"], "not supported with --tensors");
  const tolerance = toleranceFlag(flags);
  const model = textFlag(flags, "model");
  if (model === undefined && Object.keys(optionFlags(flags)).length > 0) {
    throw unexpected(["--option"], "supported only with --model");
  }
  const options = {
    ...sourceFlags(flags, io),
    ...checkpointFlag(flags),
    ...(model === undefined
      ? ((await networkOfFile(a)) ?? (await networkOfFile(b)))
      : { model: await modelOperand(model), options: optionFlags(flags) }),
  };
  if (flags.checkpoint !== undefined && !(await isRunFolder(a)) && !(await isRunFolder(b))) {
    throw unexpected(["--checkpoint"], `neither ${quoted(a)} nor ${quoted(b)} is a run`);
  }
  const ofA = await openTensors(a, options);
  try {
    const ofB = await openTensors(b, options);
    try {
      const result = await compareTensors(ofA, ofB, { tolerance });
      const counts = { a: { name: ofA.name, tensors: ofA.tensors.size }, b: { name: ofB.name, tensors: ofB.tensors.size } };
      if (flags.json === true)
        printJson(io, { equal: result.equal, ...counts, compared: result.compared, differences: result.differences });
      else io.out(weightsText(result, counts));
      return result.equal ? EXIT.success : EXIT.failed;
    } finally {
      await ofB.close();
    }
  } finally {
    await ofA.close();
  }
}

interface Counted {
  readonly name: string;
  readonly tensors: number;
}

function weightsText({ equal, compared, differences }: TensorComparison, { a, b }: { readonly a: Counted; readonly b: Counted }): string {
  const number = (value: number | null): string => (value === null ? "not a number" : value.toPrecision(3));
  const rows = groupTensors(differences).map(({ paths, kind, a: ofA, b: ofB, values }) => [
    pathsText(paths),
    kind,
    valueCell(ofA),
    valueCell(ofB),
    ...(values
      ? [number(values.absolute), number(values.relative), `${formatCount(values.equal)} of ${formatCount(values.elements)}`]
      : ["", "", ""]),
  ]);
  const counts = formatTable(
    ["", "A", "B"],
    [
      ["weights", messageOf(a.name), messageOf(b.name)],
      ["tensors", formatCount(a.tensors), formatCount(b.tensors)],
    ],
  );
  const header = ["tensor", "differs in", "A", "B", "largest difference", "relative", "equal elements"];
  const table = rows.length === 0 ? "" : `\n${formatTable(header, rows.slice(0, MAX_ROWS), [4, 5, 6])}`;
  const more = rows.length > MAX_ROWS ? `and ${formatCount(rows.length - MAX_ROWS)} more (use --json for all)\n` : "";
  const share = `${formatCount(compared)} tensors with equal name and shape`;
  return `${counts}${table}${more}\n${share}, ${equal ? "identical" : `${formatCount(differences.length)} differences`}\n`;
}

type TensorGroup = Omit<TensorDifference, "path"> & { readonly paths: string[] };

/** Element types that differ alike, and tensors that one side alone has, are named together. */
function groupTensors(differences: readonly TensorDifference[]): readonly TensorGroup[] {
  const groups = new Map<string, TensorGroup>();
  for (const { path, ...rest } of differences) {
    const { kind, a, b } = rest;
    const missing = kind === "tensor";
    const key = JSON.stringify(missing ? [kind, a === null] : kind === "dtype" ? [kind, a, b] : [kind, path]);
    const known = groups.get(key);
    if (known) known.paths.push(path);
    else groups.set(key, { ...rest, ...(missing ? { a: a && "only here", b: b && "only here" } : {}), paths: [path] });
  }
  return [...groups.values()];
}

function valueCell(value: string | number | readonly number[] | null): string {
  if (value === null) return "none";
  return typeof value === "object" ? `[${value.join(", ")}]` : messageOf(String(value));
}

function toleranceFlag(flags: Flags): number {
  const text = textFlag(flags, "tolerance");
  const tolerance = text === undefined ? 0 : toNumber(text);
  if (tolerance !== undefined && tolerance >= 0) return tolerance;
  throw invalid("--tolerance", String(text), "a number of at least 0");
}

/** @throws InceptionError USAGE for a flag that would have no effect */
function refuseFlags(flags: Flags, names: readonly string[], reason: string): void {
  const given = names.filter((name) => flags[name] !== undefined);
  if (given.length > 0) throw unexpected(given.map(flagName), reason);
}
