import type { ComparedBlock, Comparison, Difference, DifferenceValue } from "./compare.js";
import type { Structure } from "./structure.js";

/** Rows of a table: what, in A, in B. */
export type Row = readonly [what: string, a: string, b: string];

/** Differences of layers that are the same ones, and the layers that have them. */
interface LayerGroup {
  /** One for each kind. */
  readonly rows: readonly Row[];
  readonly paths: readonly string[];
}

/** The two networks as a whole, beside each other. */
export function totalRows({ a, b }: Comparison): readonly Row[] {
  const row = (what: string, of: (side: Structure) => string): Row => [what, of(a), of(b)];
  const ends = (side: "inputs" | "outputs") => (structure: Structure) =>
    structure[side].map(({ name, type }) => (type === null ? name : `${name} ${type}`)).join(", ");
  return [
    row("input", ends("inputs")),
    row("outputs", ends("outputs")),
    row("parameters", ({ parameters }) => grouped(parameters)),
    row("MACs", ({ macs }) => (macs === null ? "not known" : grouped(macs))),
    row("layers", ({ layers }) => grouped(layers)),
  ];
}

/** What differs in a block as a whole, in words. */
export function blockRows({ own }: Pick<ComparedBlock, "own">): readonly Row[] {
  return own.map(({ kind, a, b }) => [words(kind), valueText(kind, a), valueText(kind, b)]);
}

// Follow from the others in nearly every layer, and are different in each.
const CONSEQUENCES = new Set(["name", "parameters", "macs", "shape"]);

/** Layers by what differs in them, most common first; what merely follows is left out where something else is said. */
export function layerGroups(differences: readonly Difference[]): readonly LayerGroup[] {
  const byLayer = new Map<string, Difference[]>();
  for (const difference of differences) {
    const known = byLayer.get(difference.path);
    if (known) known.push(difference);
    else byLayer.set(difference.path, [difference]);
  }
  const groups = new Map<string, { rows: readonly Row[]; paths: string[] }>();
  for (const [path, all] of byLayer) {
    const telling = all.filter(({ kind }) => !CONSEQUENCES.has(kind));
    // Weights say what kernel and bias say, and the widths.
    const said = telling.length > 1 ? telling.filter(({ kind }) => kind !== "weights") : telling;
    const shown = said.length > 0 ? said : all.filter(({ kind }) => kind !== "name" || all.length === 1);
    const rows = shown.map(
      ({ kind, a, b }): Row => (kind === "name" ? [words(kind), "", ""] : [words(kind), valueText(kind, a), valueText(kind, b)]),
    );
    const key = JSON.stringify(rows);
    const known = groups.get(key);
    if (known) known.paths.push(path);
    else groups.set(key, { rows, paths: [path] });
  }
  return [...groups.values()].sort((one, other) => other.paths.length - one.paths.length);
}

const WORDS: Readonly<Record<string, string>> = { macs: "MACs", name: "name", layer: "layer", inputs: "reads" };

function words(kind: string): string {
  return WORDS[kind] ?? kind.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/** A value as people read it: 5×5, 9,472, yes, none. */
export function valueText(kind: string, value: DifferenceValue): string {
  if (value === null) return "none";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "number") return kind === "parameters" || kind === "macs" ? grouped(value) : String(value);
  if (typeof value === "string") return value;
  if (kind === "padding") return paddingText(value.map(Number));
  if (kind === "kernel" || kind === "stride" || kind === "dilation" || kind === "shape") return value.join("×");
  return value.map((item) => (Array.isArray(item) ? `[${item.join(", ")}]` : String(item))).join(" ");
}

/** Begins alone where the ends are the same, and one number where all axes agree. */
function paddingText(pads: readonly number[]): string {
  const [begins, ends] = [pads.slice(0, pads.length / 2), pads.slice(pads.length / 2)];
  if (begins.join() !== ends.join()) return pads.join(",");
  return new Set(begins).size === 1 ? String(begins[0]) : begins.join("×");
}

function grouped(value: number): string {
  return value.toLocaleString("en-US");
}
