import { type BranchContext, type Branches, residual, runBranches } from "../layers/branches.js";
import { normRelu } from "../layers/conv-block.js";
import type { Ref } from "../ops/build.js";
import { choiceOption, listOption } from "../options.js";

/** What both Inception-ResNet families share: constants of their sources, options, and how blocks are stacked. Widths are each family's own. */

/** The epsilon of every batch normalization in slim, timm and facenet. */
export const BN_EPSILON = 1e-3;

/** The smallest square input for which the last map has a pixel. */
export const MIN_SIZE = 75;

export function residualOptions(repeats: readonly [number, number, number]) {
  return {
    // The drawings show plain sums (1,1,1); the paper asks for 0.1 to 0.3 and the public code has these three.
    residualScale: listOption("Residual scale of A, B and C blocks.", [0.17, 0.1, 0.2], 0, 10),
    repeats: listOption("Number of A, B and C blocks.", repeats, 0, 100, true),
  };
}

/** Where a drawn form normalizes, which the sources disagree about (docs/errata.md, 3). */
export function normPlacementOption(form: "spec" | "paper") {
  return choiceOption(
    "Batch normalization after each residual sum (`sum`) or after each convolution (`conv`).",
    form === "spec" ? "sum" : "conv",
    ["sum", "conv"],
  );
}

/** The branches of the three block kinds and the two reductions between them. */
export interface ResidualTables {
  readonly a: Branches;
  readonly reductionA: Branches;
  readonly b: Branches;
  readonly reductionB: Branches;
  readonly c: Branches;
}

interface ResidualOptions {
  readonly residualScale: readonly number[];
  readonly repeats: readonly number[];
}

/** Everything between the stem and the pool of a drawn form. */
export function drawnBody(
  context: BranchContext,
  tables: ResidualTables,
  options: ResidualOptions & { readonly normPlacement: NormPlacement },
  input: Ref,
): Ref {
  const norm = options.normPlacement;
  const [a, b, c] = blocksOf(tables, options);
  let x = drawnBlocks(context, "inception_a", input, a, norm);
  x = drawnReduction(context, "reduction_a", x, tables.reductionA, norm);
  x = drawnBlocks(context, "inception_b", x, b, norm);
  x = drawnReduction(context, "reduction_b", x, tables.reductionB, norm);
  return drawnBlocks(context, "inception_c", x, c, norm);
}

/**
 * Everything from the A blocks to the last C block of a public form, which has scale 1 and no ReLU.
 *
 * @param groups - the checkpoint's names of the three groups of blocks
 * @param afterB - called with what leaves the B blocks, where an auxiliary head sits
 */
export function publicBody(
  context: BranchContext,
  tables: ResidualTables,
  options: ResidualOptions,
  groups: readonly [string, string, string],
  input: Ref,
  afterB: (x: Ref) => void = () => {},
): Ref {
  const { b: builder } = context;
  const [a, b, c] = blocksOf(tables, options);
  let x = builder.stage(groups[0], publicBlocks(context, groups[0], input, a));
  x = builder.stage("mixed_6a", runBranches(context, "mixed_6a", "mixed_6a", x, tables.reductionA));
  x = builder.stage(groups[1], publicBlocks(context, groups[1], x, b));
  afterB(x);
  x = builder.stage("mixed_7a", runBranches(context, "mixed_7a", "mixed_7a", x, tables.reductionB));
  x = publicBlocks(context, groups[2], x, c);
  const last = residual(context, "block8", x, { branches: tables.c, scale: 1, names: PUBLIC_NAMES });
  return builder.stage("block8", builder.module("block8", last));
}

function blocksOf(tables: ResidualTables, { residualScale, repeats }: ResidualOptions): readonly [Blocks, Blocks, Blocks] {
  const blocks = (branches: Branches, index: number): Blocks => ({
    branches,
    repeats: repeats[index] ?? 0,
    scale: residualScale[index] ?? 1,
  });
  return [blocks(tables.a, 0), blocks(tables.b, 1), blocks(tables.c, 2)];
}

/** Where the drawn forms put batch normalization: after each sum, or after each convolution. */
type NormPlacement = "sum" | "conv";

/** Names inside a block: the drawings' and the checkpoints'. */
const DRAWN_NAMES = { concat: "concat", projection: "concat_proj", sum: "sum" } as const;
export const PUBLIC_NAMES = { concat: "concat", projection: "conv2d", sum: "sum" } as const;

interface Blocks {
  readonly branches: Branches;
  readonly repeats: number;
  readonly scale: number;
}

/** Blocks `<group>.0`, `<group>.1`, … of a drawn form, each ending in batch normalization and ReLU or in ReLU alone; one stage. */
function drawnBlocks(context: BranchContext, group: string, input: Ref, blocks: Blocks, norm: NormPlacement): Ref {
  const { b } = context;
  const output = repeatBlocks(context, group, input, blocks, DRAWN_NAMES, (path, sum) =>
    norm === "sum" ? normRelu(b, `${path}.bn`, sum, BN_EPSILON) : b.add("relu", `${path}.relu`, [sum], {}),
  );
  return b.stage(group, output);
}

/** A reduction of a drawn form: joined branches, normalized as a whole where the sums are; one stage. */
function drawnReduction(context: BranchContext, path: string, x: Ref, branches: Branches, norm: NormPlacement): Ref {
  const { b } = context;
  const joined = runBranches(context, path, `${path}.concat`, x, branches);
  return b.stage(path, b.module(path, norm === "sum" ? normRelu(b, `${path}.bn`, joined, BN_EPSILON) : joined));
}

/** Blocks `<group>.0`, `<group>.1`, … of a public form: ReLU after each sum. */
function publicBlocks(context: BranchContext, group: string, input: Ref, blocks: Blocks): Ref {
  return repeatBlocks(context, group, input, blocks, PUBLIC_NAMES, (path, sum) => context.b.add("relu", `${path}.relu`, [sum], {}));
}

function repeatBlocks(
  context: BranchContext,
  group: string,
  input: Ref,
  { branches, repeats, scale }: Blocks,
  names: typeof DRAWN_NAMES | typeof PUBLIC_NAMES,
  after: (path: string, sum: Ref) => Ref,
): Ref {
  let x = input;
  for (let i = 0; i < repeats; i++) {
    const path = `${group}.${i}`;
    x = context.b.module(path, after(path, residual(context, path, x, { branches, scale, names })));
  }
  return context.b.module(group, x);
}
