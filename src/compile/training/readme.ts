import type { TrainingContext } from "./state.js";

interface Described {
  readonly state: readonly { readonly input: string; readonly output: string }[];
  readonly reads: readonly string[];
}

/**
 * What a file with a training step says about itself, in its metadata: a text for people ("readme") and the same facts
 * as JSON for programs ("training").
 */
export function trainingReadme(context: TrainingContext, { state, reads }: Described, emaDecay = 0): Readonly<Record<string, string>> {
  const output = new Map(state.map((piece) => [piece.input, piece.output]));
  const pieces = [...context.state.values()].map(({ tensor }) => ({
    input: tensor.name,
    output: output.get(tensor.name) ?? null,
    kind: tensor.kind,
    shape: tensor.shape,
    initial: tensor.initial,
  }));
  const outputs = context.outputs.map(({ name }) => name);
  const readme = [
    `A training program of ${context.network.name} as a plain ONNX graph. One run is one step.`,
    "",
    "Feed with each run:",
    ...context.feeds.map(({ name, dtype, shape, meaning }) => `  ${name}  ${dtype}[${shape.join(", ")}]  ${meaning}`),
    "",
    `State: ${state.length} inputs that outputs replace. Feed the output "<name>:next" of a run as the input "<name>" of the next.`,
    "Each is flat (float32, row-major); the shapes of the parameters, and the first value of what is no parameter, are in the",
    'entry "training" of this metadata (initial null: the parameter of the checkpoint, or one that you draw).',
    ...(reads.length > 0 ? ["", `Read and not changed: ${reads.length} inputs; feed the same values with each run.`] : []),
    ...(pieces.some(({ kind, output: next }) => kind === "average" && next !== null)
      ? [
          "",
          `"<name>:average" is the exponential moving average of "<name>"; it starts at the value of the parameter. Run number s since`,
          `the beginning keeps min(${emaDecay}, (1 + s) / (10 + s)) of it, where s is the input "step" plus 1. Evaluate with the averages.`,
        ]
      : []),
    "",
    `Other outputs: ${outputs.join(", ")}.`,
  ].join("\n");
  return { readme, training: JSON.stringify({ version: 1, feeds: context.feeds, state: pieces, outputs }) };
}
