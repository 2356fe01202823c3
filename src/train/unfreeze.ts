/** Progressive unfreezing: what is trained from which epoch on. */
import { InceptionError } from "../errors.js";
import type { Graph } from "../ir/graph.js";
import { stageCount, trainedParameters } from "./freeze.js";

/** Consecutive epochs in which the same parameters are trained, by one set of programs. */
interface TrainingPhase {
  /** Epochs done before it begins. */
  readonly start: number;
  /** Epochs done when it ends; Infinity for the last phase. */
  readonly end: number;
  /** Which parameters are frozen; see `trainedParameters`. */
  readonly freeze: string;
}

/** Where later phases begin: epochs done, and what is frozen from there on. */
type PhaseStart = Pick<TrainingPhase, "start" | "freeze">;

/** The phases of text like "3=except-last:3,6=none", in which epochs count from 1; [] for "none", null for other text. */
export function unfreezePhases(text: string): readonly PhaseStart[] | null {
  const entries = text === "none" ? [] : text.split(",").map((entry) => /^(\d{1,7})=(none|backbone|except-last:\d+%?)$/.exec(entry.trim()));
  const phases = entries.map((match) => ({ start: Number(match?.[1]) - 1, freeze: match?.[2] ?? "" }));
  const isAscending = phases.every(({ start }, index) => start > (phases[index - 1]?.start ?? 0));
  return isAscending ? phases : null;
}

/**
 * All phases of a run.
 *
 * @param freeze - what is frozen in the first epoch
 * @param unfreeze - the later phases, or "none". Where the network has fewer than K stages, except-last:K freezes none of them
 * @throws InceptionError OPTION_INVALID for what `trainedParameters` rejects, and a phase that freezes what the one before trains
 */
export function trainingPhases(graph: Graph, freeze: string, unfreeze: string): readonly TrainingPhase[] {
  const starts = [
    { start: 0, freeze },
    ...(unfreezePhases(unfreeze) ?? []).map((phase) => ({ ...phase, freeze: withStages(graph, phase.freeze) })),
  ];
  const phases = starts.map((phase, index) => ({ ...phase, end: starts[index + 1]?.start ?? Number.POSITIVE_INFINITY }));
  for (const [index, { freeze: next, start }] of phases.entries()) {
    const isTrained = trainedParameters(graph, next);
    const earlier = phases[index - 1];
    if (earlier === undefined) continue;
    const lost = graph.parameters.filter(trainedParameters(graph, earlier.freeze)).find((parameter) => !isTrained(parameter));
    if (lost === undefined) continue;
    throw new InceptionError(
      "OPTION_INVALID",
      `Cannot freeze "${next}" of "${graph.name}" from epoch ${start + 1} on: "${lost.path}" was trained before, expected each phase to train at least what the one before does`,
      { model: graph.name, freeze: next, path: lost.path },
    );
  }
  return phases;
}

/** A schedule is written for networks of many stages. */
function withStages(graph: Graph, freeze: string): string {
  const [, count] = /^except-last:(\d+)$/.exec(freeze) ?? [];
  return count === undefined ? freeze : `except-last:${Math.min(Number(count), stageCount(graph))}`;
}
