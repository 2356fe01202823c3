/** The thread that onnxruntime-node runs training programs in, and that holds their state. */
import { readdirSync, renameSync } from "node:fs";
import path from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import type { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { InceptionError, messageOf } from "../errors.js";
import { copyTensor, type ReadyTrainer, type RealDevice, type Tensors, type TrainerWork } from "../runtime/messages.js";
import { hostTensor } from "../runtime/ort-values.js";
import type { ProgramPlan } from "../runtime/programs.js";
import { type Engine, serve } from "../runtime/serve.js";
import { planModels, type StateRunner, trainerEngine } from "../runtime/serve-trainer.js";
import { bytesPerElement, viewBytes } from "../tensor/dtype.js";
import { elementCount, type Tensor } from "../tensor/tensor.js";
import { exitGuard } from "./exit-guard.js";
import type { TrainerStart } from "./ort-messages.js";
import { baseOptions, type Ort, openOnDevice, ortTensor, placeOf, serverPort } from "./ort-open.js";

// The thread is started by ort-trainer.ts alone, with exactly this record.
const start = workerData as TrainerStart;

/** A piece of state. */
interface Slot {
  current: OrtTensor;
  /** What the next run that replaces the piece writes to; null where no program does. */
  spare: OrtTensor | null;
}

async function openPrograms(): Promise<Engine<TrainerWork, ReadyTrainer>> {
  const { name, programs, state } = start;
  const { ort, device, opened } = await openOnDevice(start, openSessions, releaseAll);
  const plans = planModels(name, programs, opened, state);
  return trainerEngine(name, device, plans, state, runner(ort, opened, openSlots(ort, plans, state)));
}

async function openSessions(ort: Ort, device: RealDevice): Promise<ReadonlyMap<string, InferenceSession>> {
  const sessions = new Map<string, InferenceSession>();
  try {
    for (const [id, { model }] of Object.entries(start.programs)) {
      sessions.set(id, await ort.InferenceSession.create(model, programOptions(id, device)));
    }
    return sessions;
  } catch (thrown) {
    await releaseAll(sessions);
    throw thrown;
  }
}

function programOptions(id: string, device: RealDevice): InferenceSession.SessionOptions {
  const base = baseOptions(start, device);
  const profile = start.profiles[id];
  return {
    ...base,
    // Planned ahead, all that a step needs is one block, which the runtime takes beside the blocks of the first step
    // that it did not plan: twice the memory, and no faster (32 layers of 8 MB: 593 MB with, 304 MB without).
    enableMemPattern: false,
    ...(profile === undefined ? {} : { enableProfiling: true, profileFilePrefix: profile }),
  };
}

async function releaseAll(sessions: ReadonlyMap<string, InferenceSession>): Promise<void> {
  for (const session of sessions.values()) await session.release();
}

function openSlots(ort: Ort, plans: ReadonlyMap<string, ProgramPlan>, state: Tensors): ReadonlyMap<string, Slot> {
  const replaced = new Set([...plans.values()].flatMap((plan) => plan.state.map((piece) => piece.input)));
  const slots = Object.entries(state).map(([name, tensor]) => {
    const spare = replaced.has(name) ? ortTensor(ort, emptyLike(tensor)) : null;
    return [name, { current: ortTensor(ort, tensor), spare }] as const;
  });
  return new Map(slots);
}

function emptyLike({ dtype, shape }: Tensor): Tensor {
  return { dtype, shape, data: viewBytes(dtype, new Uint8Array(elementCount(shape) * bytesPerElement(dtype))) };
}

function runner(ort: Ort, sessions: ReadonlyMap<string, InferenceSession>, slots: ReadonlyMap<string, Slot>): StateRunner {
  return {
    step: async (program, plan, feeds) => {
      const values: Record<string, OrtTensor> = Object.fromEntries(
        Object.entries(feeds).map(([name, tensor]) => [name, ortTensor(ort, tensor)]),
      );
      for (const name of plan.reads) values[name] = slotOf(slots, name).current;
      const fetches: Record<string, OrtTensor | null> = Object.fromEntries(plan.results.map((name) => [name, null]));
      for (const { input, output } of plan.state) {
        const slot = slotOf(slots, input);
        values[input] = slot.current;
        // The runtime writes into the tensors that it is given here, without a copy.
        fetches[output] = slot.spare;
      }
      const outputs = await sessionOf(sessions, program).run(values, fetches);
      for (const { input } of plan.state) swap(slotOf(slots, input));
      return Object.fromEntries(plan.results.map((name) => [name, hostTensor(start.name, name, outputs[name])]));
    },
    read: async (names) => {
      return Object.fromEntries(names.map((name) => [name, copyTensor(hostTensor(start.name, name, slotOf(slots, name).current))]));
    },
    write: async (state) => {
      for (const [name, tensor] of Object.entries(state)) slotOf(slots, name).current = ortTensor(ort, tensor);
    },
    close: () => closeAll(sessions),
  };
}

function swap(slot: Slot): void {
  if (slot.spare === null) return;
  const last = slot.current;
  slot.current = slot.spare;
  slot.spare = last;
}

function slotOf(slots: ReadonlyMap<string, Slot>, name: string): Slot {
  const slot = slots.get(name);
  if (slot === undefined) throw new Error(`there is no state "${name}"`);
  return slot;
}

function sessionOf(sessions: ReadonlyMap<string, InferenceSession>, program: string): InferenceSession {
  const session = sessions.get(program);
  if (session === undefined) throw new Error(`there is no program "${program}"`);
  return session;
}

async function closeAll(sessions: ReadonlyMap<string, InferenceSession>): Promise<void> {
  const profiles = Object.entries(start.profiles);
  for (const [id] of profiles) sessionOf(sessions, id).endProfiling();
  await releaseAll(sessions);
  for (const [, file] of profiles) nameProfile(file);
}

/** The runtime adds the time to the name that it is given, and does not say so. */
function nameProfile(file: string): void {
  const folder = path.dirname(file);
  const prefix = `${path.basename(file)}_`;
  const written = readdirSync(folder).filter((name) => name.startsWith(prefix) && name.endsWith(".json"));
  const last = written.sort().at(-1);
  if (last === undefined) {
    throw new InceptionError("WRITE_FAILED", `Cannot write "${messageOf(file)}": the runtime wrote no profile`, { file });
  }
  renameSync(path.join(folder, last), file);
}

const guard = exitGuard(start.cells);
await serve(
  start.name,
  placeOf(start.device),
  serverPort<TrainerWork, ReadyTrainer>(parentPort),
  (call) => guard.during(call),
  openPrograms,
);
