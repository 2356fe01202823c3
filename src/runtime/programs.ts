/** What must hold between training programs and the state that they share. */
import { InceptionError } from "../errors.js";
import type { Tensor } from "../tensor/tensor.js";
import { quote, shapeText, tensorFaults } from "./feeds.js";
import type { Tensors } from "./messages.js";
import type { TensorInfo } from "./session.js";
import type { TrainingProgram } from "./trainer.js";

/** A program as the runtime sees it after opening its model. */
interface OpenedProgram extends Pick<TrainingProgram, "state" | "reads"> {
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
}

/** What a run of a program takes and gives. */
export interface ProgramPlan extends Pick<TrainingProgram, "state" | "reads"> {
  /** Inputs that are not state. */
  readonly feeds: readonly TensorInfo[];
  /** Names of the outputs that are not state. */
  readonly results: readonly string[];
}

/**
 * Check programs against each other and the state: every piece of state that a program names is an input of it, is
 * given, and has the type and shape of that input and of the output that replaces it; no piece is named twice or used
 * by no program.
 *
 * @param name - how the message names the trainer
 * @throws InceptionError FEED_INVALID, one message with every fault; `details.faults` lists them
 */
export function planPrograms(name: string, programs: ReadonlyMap<string, OpenedProgram>, state: Tensors): ReadonlyMap<string, ProgramPlan> {
  const used = new Set([...programs.values()].flatMap((program) => stateNames(program)));
  const faults = [
    ...(programs.size === 0 ? ["there is no program"] : []),
    ...Object.entries(state).flatMap(([piece, tensor]) => tensorFaults(`state ${quote(piece)}`, infoOf(piece, tensor), tensor)),
    ...[...programs].flatMap(([id, program]) => programFaults(`program ${quote(id)}`, program, state)),
    ...Object.keys(state).flatMap((piece) => (used.has(piece) ? [] : [`state ${quote(piece)} is used by no program`])),
  ];
  if (faults.length > 0) throw new InceptionError("FEED_INVALID", `Cannot open "${name}": ${faults.join("; ")}`, { model: name, faults });
  return new Map([...programs].map(([id, program]) => [id, planOf(program)]));
}

/** Type and shape of a tensor, as those of the piece of state `name`. */
export function infoOf(name: string, { dtype, shape }: Tensor): TensorInfo {
  return { name, dtype, shape };
}

function stateNames(program: OpenedProgram): string[] {
  return [...program.state.map((piece) => piece.input), ...program.reads];
}

function planOf(program: OpenedProgram): ProgramPlan {
  const { state, reads } = program;
  const taken = new Set(stateNames(program));
  const given = new Set(state.map((piece) => piece.output));
  return {
    state,
    reads,
    feeds: program.inputs.filter((info) => !taken.has(info.name)),
    results: program.outputs.map((info) => info.name).filter((output) => !given.has(output)),
  };
}

function programFaults(program: string, opened: OpenedProgram, state: Tensors): string[] {
  const inputs = new Map(opened.inputs.map((info) => [info.name, info]));
  const outputs = new Map(opened.outputs.map((info) => [info.name, info]));
  const pieces = stateNames(opened);
  return [
    ...repeated(pieces).map((name) => `${program} names the state ${quote(name)} more than once`),
    ...repeated(opened.state.map((piece) => piece.output)).map(
      (name) => `${program} replaces more than one piece of state by ${quote(name)}`,
    ),
    ...pieces.flatMap((name) => valueFaults(program, "input", name, inputs.get(name), name, state)),
    ...opened.state.flatMap((piece) => valueFaults(program, "output", piece.output, outputs.get(piece.output), piece.input, state)),
  ];
}

/** How an input or output differs from the piece of state that it takes or replaces. */
function valueFaults(
  program: string,
  kind: "input" | "output",
  name: string,
  info: TensorInfo | undefined,
  piece: string,
  state: Tensors,
): string[] {
  if (info === undefined) return [`${program} has no ${kind} ${quote(name)}`];
  const tensor = Object.hasOwn(state, piece) ? state[piece] : undefined;
  if (tensor === undefined) return kind === "input" ? [`${program} takes the state ${quote(piece)}, which is not given`] : [];
  if (info.dtype === tensor.dtype && fits(info.shape, tensor.shape)) return [];
  const has = `${tensor.dtype} ${shapeText(tensor.shape)}`;
  return [`${program} has ${kind} ${quote(name)} of ${info.dtype} ${shapeText(info.shape)}, its state ${quote(piece)} is ${has}`];
}

function fits(expected: TensorInfo["shape"], given: readonly number[]): boolean {
  return expected.length === given.length && expected.every((size, axis) => typeof size === "string" || size === given[axis]);
}

function repeated(names: readonly string[]): string[] {
  return [...new Set(names.filter((name, index) => names.indexOf(name) !== index))];
}
