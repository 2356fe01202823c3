import path from "node:path";
import { Worker } from "node:worker_threads";
import { InceptionError, messageOf } from "../errors.js";
import { checkFeeds, checkFetches } from "../runtime/feeds.js";
import type { CancelSignal, RunOptions, Session, SessionOptions, TensorInfo } from "../runtime/session.js";
import {
  type CarriedError,
  copyBytes,
  type ExitGuard,
  exitGuard,
  GUARD_BYTES,
  type Packed,
  packTensors,
  type RealDevice,
  type Reply,
  type Request,
  type Tensors,
  takeBytes,
  type WorkerStart,
} from "./ort-messages.js";

export interface NodeSessionOptions extends SessionOptions {
  /** How messages name the model; default the file's name, or "model" for bytes. */
  readonly name?: string;
  /** Give the model's bytes to the session instead of having them copied once; the array is empty from the call on. Default false. */
  readonly transfer?: boolean;
}

/**
 * Open an ONNX model with onnxruntime-node, in a worker thread of its own, because the runtime blocks the thread that
 * calls it. Weights outside the model's own bytes are never read.
 *
 * `device: "auto"` is CUDA where onnxruntime-node's CUDA library is installed and works, otherwise the CPU; never
 * WebGPU, which needs a graphics driver and must be asked for. On the CPU the same model, inputs and thread count give
 * the same bits each time.
 *
 * A session does not keep the process alive unless something is under way, so a program that forgets `close` still
 * ends. At most two runs are in the worker's hands at a time: one that it computes and one that it has ready.
 *
 * @param model - the bytes of the model, or the path of its file
 * @throws InceptionError FILE_NOT_FOUND, FILE_LIMIT (over 2 GiB), FILE_UNSUPPORTED (an input or output that is no
 *   tensor of numbers), SESSION_FAILED (the runtime refuses the model, in its own words), DEVICE_UNAVAILABLE, OPTION_INVALID
 *
 * @example
 * ```ts
 * import { float32Tensor } from "inceptionkit";
 * import { createNodeSession } from "inceptionkit/node";
 *
 * const pixels = new Float32Array(3 * 64 * 64);
 * const session = await createNodeSession("examples/digits/digits.onnx", { threads: 2 });
 * const { logits } = await session.run({ input: float32Tensor([1, 3, 64, 64], pixels) });
 * await session.close();
 * ```
 */
export async function createNodeSession(model: Uint8Array | string, options: NodeSessionOptions = {}): Promise<Session> {
  return openSession(new URL("./ort-worker.js", import.meta.url), model, options);
}

/** @internal `createNodeSession` with another worker file, for tests of what happens when the worker dies. */
export async function openSession(worker: URL, model: Uint8Array | string, options: NodeSessionOptions): Promise<Session> {
  const { device = "auto", threads = 0, transfer = false } = options;
  const name = messageOf(options.name ?? (typeof model === "string" ? path.basename(model) : "model"));
  if (!Number.isInteger(threads) || threads < 0 || threads > MAX_THREADS) {
    throw new InceptionError(
      "OPTION_INVALID",
      `Cannot open "${name}" with ${threads} threads: expected a whole number from 0 to ${MAX_THREADS}`,
      {
        threads,
      },
    );
  }
  const own = typeof model === "string" ? path.resolve(model) : transfer ? takeBytes(model) : copyBytes(model);
  const cells = new SharedArrayBuffer(GUARD_BYTES);
  const start: WorkerStart = { name, model: own, device, threads, cells };
  const thread = new OrtThread(worker, start, exitGuard(cells));
  const ready = await thread.ready;
  return new NodeSession(name, thread, ready);
}

// More than any machine has cores; a larger number is a mistake that would start as many threads.
const MAX_THREADS = 1024;

/** How many runs the worker may hold: it has the next one ready when this thread is busy as the last one ends. */
const MAX_SENT = 2;

interface ReadyModel {
  readonly device: RealDevice;
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
}

/** A call of `run` whose promise is not settled. */
interface Job {
  readonly id: number;
  readonly feeds: Packed;
  readonly fetches: readonly string[];
  readonly resolve: (outputs: Tensors) => void;
  readonly reject: (error: unknown) => void;
}

class NodeSession implements Session {
  readonly device: RealDevice;
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  readonly #name: string;
  readonly #thread: OrtThread;
  #nextId = 1;

  constructor(name: string, thread: OrtThread, ready: ReadyModel) {
    this.#name = name;
    this.#thread = thread;
    this.device = ready.device;
    this.inputs = ready.inputs;
    this.outputs = ready.outputs;
  }

  async run(feeds: Tensors, options: RunOptions = {}): Promise<Tensors> {
    const { fetches = this.outputs.map((info) => info.name), transfer = false, signal } = options;
    checkFeeds(this.#name, this.inputs, feeds);
    checkFetches(this.#name, this.outputs, fetches);
    this.#thread.checkAlive();
    if (signal?.aborted) throw signal.reason;

    const id = this.#nextId++;
    const job = { id, feeds: packTensors(feeds, transfer), fetches };
    const outputs = new Promise<Tensors>((resolve, reject) => this.#thread.add({ ...job, resolve, reject }));
    return signal ? this.#cancelable(outputs, id, signal) : outputs;
  }

  close(): Promise<void> {
    return this.#thread.close();
  }

  async #cancelable(outputs: Promise<Tensors>, id: number, signal: CancelSignal): Promise<Tensors> {
    const cancel = () => this.#thread.cancel(id, signal.reason);
    signal.addEventListener("abort", cancel);
    try {
      return await outputs;
    } finally {
      signal.removeEventListener("abort", cancel);
    }
  }
}

/** The worker thread and the runs that wait for it. */
class OrtThread {
  /** Resolves when the model is loaded; rejects when it is refused and the thread has ended. */
  readonly ready: Promise<ReadyModel>;
  readonly #name: string;
  readonly #worker: Worker;
  readonly #exited: Promise<void>;
  readonly #waiting: Job[] = [];
  readonly #sent = new Map<number, Job>();
  #state: "open" | "closing" | "dead" = "open";
  #refusal: InceptionError | null = null;
  #cause = "";

  constructor(file: URL, start: WorkerStart, guard: ExitGuard) {
    this.#name = start.name;
    // Options of this process, such as a loader, are not the worker's.
    this.#worker = new Worker(file, { workerData: start, transferList: movable(start.model), name: "onnxruntime", execArgv: [] });
    const unregister = onProcessExit(() => guard.stop());
    this.#exited = new Promise((resolve) => {
      this.#worker.once("exit", (code) => {
        unregister();
        this.#die(`the worker thread ended with exit code ${code}`);
        resolve();
      });
    });
    this.#worker.once("error", (thrown) => this.#die(`the worker thread failed: ${messageOf(thrown)}`));
    this.ready = new Promise((resolve, reject) => {
      this.#worker.on("message", (reply: Reply) => {
        if (reply.kind === "ready") resolve(reply);
        this.#take(reply);
      });
      void this.#exited.then(() => reject(this.#refusal ?? this.#died("open")));
    });
  }

  /** @throws InceptionError when no run can be done any more */
  checkAlive(): void {
    if (this.#state === "closing") throw this.#closed();
    if (this.#state === "dead") throw this.#died("run");
  }

  add(job: Job): void {
    this.#waiting.push(job);
    this.#send();
  }

  /** Reject a run now; if the worker has it, its result is dropped. */
  cancel(id: number, reason: unknown): void {
    const index = this.#waiting.findIndex((job) => job.id === id);
    const job = index >= 0 ? this.#waiting.splice(index, 1)[0] : this.#sent.get(id);
    job?.reject(reason);
  }

  async close(): Promise<void> {
    if (this.#state === "open") {
      this.#state = "closing";
      for (const job of this.#waiting.splice(0)) job.reject(this.#closed());
      this.#worker.ref();
      this.#post({ kind: "close" });
    }
    await this.#exited;
  }

  #take(reply: Reply): void {
    if (reply.kind === "refused") {
      this.#refusal = thrownFrom(reply.error);
      return;
    }
    if (reply.kind !== "ready") {
      const job = this.#sent.get(reply.id);
      this.#sent.delete(reply.id);
      if (reply.kind === "done") job?.resolve(reply.outputs);
      else job?.reject(thrownFrom(reply.error));
    }
    this.#send();
    if (this.#sent.size === 0 && this.#state === "open") this.#worker.unref();
  }

  #send(): void {
    while (this.#sent.size < MAX_SENT && this.#state === "open") {
      const job = this.#waiting.shift();
      if (job === undefined) return;
      this.#sent.set(job.id, job);
      this.#worker.ref();
      this.#post({ kind: "run", id: job.id, feeds: job.feeds.tensors, fetches: job.fetches }, job.feeds.buffers);
    }
  }

  #post(request: Request, buffers: ArrayBuffer[] = []): void {
    this.#worker.postMessage(request, buffers);
  }

  /** The first cause stays: an error event is followed by an exit event that knows less. */
  #die(cause: string): void {
    this.#cause ||= cause;
    this.#state = this.#state === "closing" ? "closing" : "dead";
    const jobs = [...this.#sent.values(), ...this.#waiting.splice(0)];
    this.#sent.clear();
    for (const job of jobs) job.reject(this.#died("run"));
  }

  #died(action: string): InceptionError {
    return new InceptionError("SESSION_FAILED", `Cannot ${action} "${this.#name}": ${this.#cause}`, {
      model: this.#name,
      cause: this.#cause,
    });
  }

  #closed(): InceptionError {
    return new InceptionError("SESSION_CLOSED", `Cannot run "${this.#name}": the session is closed`, { model: this.#name });
  }
}

function movable(model: Uint8Array | string): ArrayBuffer[] {
  return typeof model !== "string" && model.buffer instanceof ArrayBuffer ? [model.buffer] : [];
}

function thrownFrom(error: CarriedError): InceptionError {
  return new InceptionError(error.code, error.message, error.details);
}

/** Call `listener` when the process exits; the result takes it back. */
function onProcessExit(listener: () => void): () => void {
  // One listener for each open session is no leak, so it does not count towards Node's warning about one.
  const shiftLimit = (by: number) => {
    const limit = process.getMaxListeners();
    if (limit > 0) process.setMaxListeners(limit + by);
  };
  shiftLimit(1);
  process.on("exit", listener);
  return () => {
    process.off("exit", listener);
    shiftLimit(-1);
  };
}
