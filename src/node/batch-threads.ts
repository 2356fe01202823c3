import { Worker } from "node:worker_threads";
import { closedError, type Factory, type Made, type Order } from "../data/batches/stream.js";
import { InceptionError } from "../errors.js";
import type { BatchReply, BatchRequest, BatchWorkerStart, CarriedFailure } from "./batch-messages.js";
import { factOf } from "./system-error.js";

/** A batch that is waited for. */
interface Job<B> {
  readonly id: number;
  readonly epoch: number;
  readonly batch: number;
  readonly resolve: (made: Made<B>) => void;
  readonly reject: (error: unknown) => void;
}

interface Thread<B> {
  readonly worker: Worker;
  readonly sent: Map<number, Job<B>>;
  readonly exited: Promise<void>;
}

/** Per worker: one batch that it makes and one that it has ready to begin. */
const MAX_SENT = 2;

/** @param worker - the compiled file of a worker that calls `serveBatches` */
export function inThreads<P extends { readonly name: string }, B>(worker: URL, plan: P, count: number): Factory<B> {
  const threads = new BatchThreads<P, B>(worker, plan, count);
  return {
    order: (epoch, batch) => threads.order(epoch, batch),
    wait: ({ made }) => threads.hold(made),
    close: () => threads.close(),
  };
}

/** Worker threads that make batches. They keep the process alive only while somebody waits for a batch. */
class BatchThreads<P extends { readonly name: string }, B> {
  readonly #name: string;
  readonly #threads: Thread<B>[];
  readonly #stop = new SharedArrayBuffer(4);
  readonly #waiting: Job<B>[] = [];
  #nextId = 1;
  #holders = 0;
  #closed = false;
  #failure: InceptionError | null = null;

  constructor(file: URL, plan: P, count: number) {
    this.#name = plan.name;
    this.#threads = Array.from({ length: count }, () => this.#start(file, plan));
  }

  order(epoch: number, batch: number): Order<B> {
    const id = this.#nextId++;
    const made = new Promise<Made<B>>((resolve, reject) => {
      const refusal = this.#closed ? closedError(this.#name) : this.#failure;
      if (refusal) reject(refusal);
      else this.#waiting.push({ id, epoch, batch, resolve, reject });
    });
    // The one who reads the batch sees the error; until then it is not unhandled.
    made.catch(() => undefined);
    this.#send();
    return { made, cancel: () => this.#cancel(id) };
  }

  /** Keep the process alive until the promise is settled. */
  async hold<T>(promise: Promise<T>): Promise<T> {
    if (this.#holders++ === 0) for (const { worker } of this.#threads) worker.ref();
    try {
      return await promise;
    } finally {
      if (--this.#holders === 0 && !this.#closed) for (const { worker } of this.#threads) worker.unref();
    }
  }

  async close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      Atomics.store(new Int32Array(this.#stop), 0, 1);
      for (const job of this.#waiting.splice(0)) job.reject(closedError(this.#name));
      for (const { worker, sent } of this.#threads) {
        for (const job of sent.values()) job.reject(closedError(this.#name));
        worker.ref();
        worker.postMessage({ kind: "close" } satisfies BatchRequest);
      }
    }
    await Promise.all(this.#threads.map(({ exited }) => exited));
  }

  #start(file: URL, plan: P): Thread<B> {
    const start: BatchWorkerStart<P> = { plan, stop: this.#stop };
    const worker = new Worker(file, { workerData: start, name: "batches", execArgv: [] });
    const sent = new Map<number, Job<B>>();
    const exited = new Promise<void>((resolve) => {
      worker.once("exit", (code) => {
        if (!this.#closed) this.#fail(`a worker thread ended with exit code ${code}`);
        resolve();
      });
    });
    const thread = { worker, sent, exited };
    worker.once("error", (thrown) => this.#fail(`a worker thread failed: ${factOf(thrown)}`));
    worker.on("message", (reply: BatchReply<B>) => this.#take(thread, reply));
    worker.unref();
    return thread;
  }

  #take(thread: Thread<B>, reply: BatchReply<B>): void {
    const job = thread.sent.get(reply.id);
    thread.sent.delete(reply.id);
    if (reply.kind === "made") job?.resolve(reply.made);
    else job?.reject(failureFrom(reply.error, this.#name));
    this.#send();
  }

  /** The oldest job goes to the thread that has the least to do. */
  #send(): void {
    while (!this.#closed && this.#failure === null) {
      const thread = this.#threads.reduce((least, each) => (each.sent.size < least.sent.size ? each : least));
      const job = thread.sent.size < MAX_SENT ? this.#waiting.shift() : undefined;
      if (!job) return;
      thread.sent.set(job.id, job);
      const { id, epoch, batch } = job;
      thread.worker.postMessage({ kind: "make", id, epoch, batch } satisfies BatchRequest);
    }
  }

  #cancel(id: number): void {
    const at = this.#waiting.findIndex((job) => job.id === id);
    if (at >= 0) this.#waiting.splice(at, 1);
  }

  /** The first cause stays: an error event is followed by an exit event that knows less. */
  #fail(cause: string): void {
    this.#failure ??= new InceptionError("SESSION_FAILED", `Cannot read batches of "${this.#name}": ${cause}`, { cause });
    const jobs = [...this.#waiting.splice(0), ...this.#threads.flatMap(({ sent }) => [...sent.values()])];
    for (const { sent } of this.#threads) sent.clear();
    for (const job of jobs) job.reject(this.#failure);
  }
}

function failureFrom({ code, message, details }: CarriedFailure, name: string): Error {
  if (code !== null) return new InceptionError(code, message, details);
  return new Error(`A worker thread that reads "${name}" failed: ${message}`);
}
