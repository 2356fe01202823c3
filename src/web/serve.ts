/// <reference lib="dom" />
/** The worker that onnxruntime-web runs in. */
import type { InferenceSession } from "onnxruntime-web/webgpu";
import type { ReadySession, ReadyTrainer, RealDevice, Reply, Request, SessionWork, Tensors, TrainerWork } from "../runtime/messages.js";
import { type Engine, type ServerPort, serve } from "../runtime/serve.js";
import { sessionEngine } from "../runtime/serve-session.js";
import { planModels, trainerEngine } from "../runtime/serve-trainer.js";
import type { TrainingProgram } from "../runtime/trainer.js";
import { keepsOnGpu } from "./gpu.js";
import { type BundledRuntime, type Ort, openOnDevice, ortTensor, renewable, sessionOptions } from "./open.js";
import type { SessionStart, TrainerStart, WebStart } from "./start.js";
import { stateRunner } from "./state.js";

/** The part of a worker's global scope that is used. */
interface WorkerScope {
  /** The name that the worker was started with. */
  readonly name?: string;
  onmessage: ((event: { readonly data: unknown }) => unknown) | null;
  postMessage(message: unknown, transfer: ArrayBuffer[]): void;
}

/**
 * Serve one session or trainer: the first message says which.
 *
 * @param bundled - the runtime that came with the worker's script, if one did
 */
export function serveWeb(scope: WorkerScope, bundled: BundledRuntime | null = null): void {
  scope.onmessage = ({ data }) => {
    // Posted by thread.ts alone.
    const start = data as WebStart;
    const place = start.devices.at(-1) ?? "cpu";
    const serving =
      start.kind === "session"
        ? serve(
            start.name,
            place,
            serverPort<SessionWork, ReadySession>(scope),
            (call) => call(),
            () => openSession(start, bundled),
          )
        : serve(
            start.name,
            place,
            serverPort<TrainerWork, ReadyTrainer>(scope),
            (call) => call(),
            () => openTrainer(start, bundled),
          );
    // Only an error outside the promise reaches the page.
    serving.catch((thrown: unknown) =>
      queueMicrotask(() => {
        throw thrown;
      }),
    );
  };
}

/**
 * What the script of a worker does that a bundler made together with the runtime.
 *
 * The runtime starts its threads with the script that it is part of, which is then this one: in such a thread, the
 * runtime alone listens, and a second listener would take the messages that set it up.
 */
export function serveBundled(scope: WorkerScope, runtime: BundledRuntime): void {
  if (scope.name?.startsWith(ORT_THREAD) !== true) serveWeb(scope, runtime);
}

// The name by which onnxruntime-web knows its own threads.
const ORT_THREAD = "em-pthread";

function serverPort<Work, Ready>(scope: WorkerScope): ServerPort<Work, Ready> {
  return {
    post: (reply: Reply<Ready>, buffers) => scope.postMessage(reply, buffers),
    // The other side of the port is our own class, which posts nothing else.
    listen: (listener) => {
      scope.onmessage = ({ data }) => listener(data as Request<Work>);
    },
    close: () => {
      scope.onmessage = null;
    },
  };
}

async function openSession(start: SessionStart, bundled: BundledRuntime | null): Promise<Engine<SessionWork, ReadySession>> {
  const { name, model } = start;
  const create = (ort: Ort, device: RealDevice) => ort.InferenceSession.create(model, sessionOptions(device));
  const { ort, device, opened } = await openOnDevice(start, bundled, create, (session) => session.release());
  const session = renewable(opened, device, () => create(ort, device));
  return sessionEngine(name, device, opened, session, (tensor) => ortTensor(ort, tensor));
}

async function openTrainer(start: TrainerStart, bundled: BundledRuntime | null): Promise<Engine<TrainerWork, ReadyTrainer>> {
  const { name, programs, state } = start;
  const { ort, device, opened } = await openOnDevice(start, bundled, (ort, device) => openPrograms(ort, start, device), releaseAll);
  const plans = planModels(name, programs, opened, state);
  const gpu = device === "webgpu" ? await ort.env.webgpu.device : null;
  const sessions = new Map([...opened].map(([id, session]) => [id, renewable(session, device, () => openProgram(ort, start, id, device))]));
  return trainerEngine(name, device, plans, state, stateRunner(ort, name, sessions, state, gpu));
}

type Sessions = Map<string, InferenceSession>;

async function openPrograms(ort: Ort, start: TrainerStart, device: RealDevice): Promise<Sessions> {
  const sessions: Sessions = new Map();
  try {
    for (const id of Object.keys(start.programs)) sessions.set(id, await openProgram(ort, start, id, device));
    return sessions;
  } catch (thrown) {
    await releaseAll(sessions);
    throw thrown;
  }
}

async function openProgram(ort: Ort, start: TrainerStart, id: string, device: RealDevice): Promise<InferenceSession> {
  const program = start.programs[id];
  if (program === undefined) throw new Error(`there is no program "${id}"`);
  return ort.InferenceSession.create(program.model, programOptions(program, start.state, device));
}

async function releaseAll(sessions: Sessions): Promise<void> {
  for (const session of sessions.values()) await session.release();
}

function programOptions(program: TrainingProgram, state: Tensors, device: RealDevice): InferenceSession.SessionOptions {
  const base = sessionOptions(device);
  if (device !== "webgpu") return base;
  const kept = program.state.flatMap(({ input, output }) => {
    const tensor = state[input];
    return tensor && keepsOnGpu(tensor) ? [[output, "gpu-buffer"] as const] : [];
  });
  return { ...base, preferredOutputLocation: Object.fromEntries(kept) };
}
