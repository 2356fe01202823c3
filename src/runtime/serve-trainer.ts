import { quote } from "./feeds.js";
import type { ReadyTrainer, RealDevice, Tensors, TrainerWork } from "./messages.js";
import { type DescribedModel, tensorInfo } from "./ort-values.js";
import { infoOf, type ProgramPlan, planPrograms } from "./programs.js";
import type { Engine } from "./serve.js";
import type { TrainingProgram } from "./trainer.js";

/** What a platform brings to a trainer: where the state is held and how it gets in and out of a run. */
export interface StateRunner {
  /** Run a program and replace the state that it changes; when it throws, nothing is replaced. */
  step(program: string, plan: ProgramPlan, feeds: Tensors): Promise<Tensors>;
  /** Copies of pieces of state. */
  read(names: readonly string[]): Promise<Tensors>;
  /** Replace pieces of state, all or none. */
  write(state: Tensors): Promise<void>;
  close(): Promise<void>;
}

/** The plans of opened programs. @throws InceptionError FEED_INVALID, FILE_UNSUPPORTED */
export function planModels(
  name: string,
  programs: Readonly<Record<string, TrainingProgram>>,
  models: ReadonlyMap<string, DescribedModel>,
  state: Tensors,
): ReadonlyMap<string, ProgramPlan> {
  const opened = [...models].map(([id, model]) => {
    const { state: pieces = [], reads = [] } = programs[id] ?? {};
    const inputs = model.inputMetadata.map((info) => tensorInfo(name, info));
    const outputs = model.outputMetadata.map((info) => tensorInfo(name, info));
    return [id, { state: pieces, reads, inputs, outputs }] as const;
  });
  return planPrograms(name, new Map(opened), state);
}

/** The engine of a trainer over a platform's runner. */
export function trainerEngine(
  name: string,
  device: RealDevice,
  plans: ReadonlyMap<string, ProgramPlan>,
  state: Tensors,
  runner: StateRunner,
): Engine<TrainerWork, ReadyTrainer> {
  return {
    ready: {
      device,
      feeds: Object.fromEntries([...plans].map(([id, plan]) => [id, plan.feeds])),
      state: Object.entries(state).map(([piece, tensor]) => infoOf(piece, tensor)),
    },
    describe: (work) => (work.kind === "step" ? `run program ${quote(work.program)} of "${name}"` : `${work.kind} the state of "${name}"`),
    run: async (work) => {
      if (work.kind === "read") return runner.read(work.names);
      if (work.kind === "step") {
        const plan = plans.get(work.program);
        if (plan === undefined) throw new Error(`no program ${work.program}`);
        return runner.step(work.program, plan, work.feeds);
      }
      await runner.write(work.state);
      return {};
    },
    close: () => runner.close(),
  };
}
