import { type ErrorDetails, InceptionError } from "../errors.js";
import { formatCount } from "../text.js";
import { errorFrom, type Packed, type RealDevice, type Reply, type Request, type Tensors } from "./messages.js";

/** The thread or process that runs the models, as its platform provides it. */
export interface WorkerPort {
  post(message: unknown, buffers: ArrayBuffer[]): void;
  /** Called once, before anything is posted. */
  listen(listener: WorkerListener): void;
  /** Whether something is under way, for which the process must stay alive. */
  hold(busy: boolean): void;
}

export interface WorkerListener {
  message(reply: unknown): void;
  /** The worker can do no more; `cause` says why, `details` join those of the errors that follow. The first cause counts. */
  died(cause: string, details?: ErrorDetails): void;
  /** The worker is gone and its memory given back. */
  ended(): void;
}

/** A call whose promise is not settled. */
interface Job<Work> {
  readonly id: number;
  readonly work: Work;
  readonly buffers: ArrayBuffer[];
  readonly resolve: (outputs: Tensors) => void;
  readonly reject: (error: unknown) => void;
}

/** How many calls the worker may hold: it has the next one ready when this thread is busy as the last one ends. */
const MAX_SENT = 2;

/** The worker of a session or a trainer and the calls that wait for it, which it answers in their order. */
export class Remote<Work, Ready extends { readonly device: RealDevice }> {
  /** Resolves when the thread can take calls; rejects when it refused to start and has ended. */
  readonly ready: Promise<Ready>;
  readonly #name: string;
  readonly #kind: "session" | "trainer";
  readonly #port: WorkerPort;
  readonly #ended: Promise<void>;
  readonly #waiting: Job<Work>[] = [];
  readonly #sent = new Map<number, Job<Work>>();
  #nextId = 1;
  #state: "open" | "closing" | "dead" = "open";
  #refusal: InceptionError | null = null;
  #closeFault: InceptionError | null = null;
  #cause = "";
  #causeDetails: ErrorDetails = {};

  /** @param name - how messages name what the thread runs */
  constructor(kind: "session" | "trainer", name: string, port: WorkerPort) {
    this.#kind = kind;
    this.#name = name;
    this.#port = port;
    let end = () => {};
    this.#ended = new Promise((resolve) => {
      end = resolve;
    });
    this.ready = new Promise((resolve, reject) => {
      port.listen({
        message: (message) => {
          // The other side of the port is our own worker, which posts nothing else.
          const reply = message as Reply<Ready>;
          if (reply.kind === "ready") resolve(reply);
          this.#take(reply);
        },
        died: (cause, details = {}) => this.#die(cause, details),
        ended: () => {
          this.#die("the worker ended", {});
          reject(this.#refusal ?? this.#died("open"));
          end();
        },
      });
    });
  }

  /** @throws InceptionError when no call can be done any more */
  checkAlive(): void {
    if (this.#state === "closing") throw this.#closed();
    if (this.#state === "dead") throw this.#died("run");
  }

  /** Do `work`, whose tensors are those of `packed`, after all the calls before it. */
  call(work: Work, { buffers }: Packed): { readonly id: number; readonly outputs: Promise<Tensors> } {
    const id = this.#nextId++;
    const outputs = new Promise<Tensors>((resolve, reject) => this.#waiting.push({ id, work, buffers, resolve, reject }));
    this.#send();
    return { id, outputs };
  }

  /** Reject a call now; if the worker has it, its result is dropped. */
  cancel(id: number, reason: unknown): void {
    const index = this.#waiting.findIndex((job) => job.id === id);
    const job = index >= 0 ? this.#waiting.splice(index, 1)[0] : this.#sent.get(id);
    job?.reject(reason);
  }

  async close(): Promise<void> {
    if (this.#state === "open") {
      this.#state = "closing";
      for (const job of this.#waiting.splice(0)) job.reject(this.#closed());
      this.#port.hold(true);
      this.#post({ kind: "close" });
    }
    await this.#ended;
    if (this.#closeFault) throw this.#closeFault;
  }

  #take(reply: Reply<Ready>): void {
    if (reply.kind === "refused") {
      this.#refusal = errorFrom(reply.error);
      return;
    }
    if (reply.kind === "closed") {
      this.#closeFault = reply.error ? errorFrom(reply.error) : null;
      return;
    }
    if (reply.kind === "done" || reply.kind === "failed") {
      const job = this.#sent.get(reply.id);
      this.#sent.delete(reply.id);
      if (reply.kind === "done") job?.resolve(reply.outputs);
      else job?.reject(errorFrom(reply.error));
    }
    this.#send();
    if (this.#sent.size === 0 && this.#state === "open") this.#port.hold(false);
  }

  #send(): void {
    while (this.#sent.size < MAX_SENT && this.#state === "open") {
      const job = this.#waiting.shift();
      if (job === undefined) return;
      this.#sent.set(job.id, job);
      this.#port.hold(true);
      this.#post({ kind: "run", id: job.id, work: job.work }, job.buffers);
    }
  }

  #post(request: Request<Work>, buffers: ArrayBuffer[] = []): void {
    this.#port.post(request, buffers);
  }

  /** The first cause stays: an error event is followed by an exit event that knows less. */
  #die(cause: string, details: ErrorDetails): void {
    if (this.#cause === "") [this.#cause, this.#causeDetails] = [cause, details];
    this.#state = this.#state === "closing" ? "closing" : "dead";
    const jobs = [...this.#sent.values(), ...this.#waiting.splice(0)];
    this.#sent.clear();
    for (const job of jobs) job.reject(this.#died("run"));
  }

  #died(action: string): InceptionError {
    return new InceptionError("SESSION_FAILED", `Cannot ${action} "${this.#name}": ${this.#cause}`, {
      model: this.#name,
      cause: this.#cause,
      ...this.#causeDetails,
    });
  }

  #closed(): InceptionError {
    return new InceptionError("SESSION_CLOSED", `Cannot run "${this.#name}": the ${this.#kind} is closed`, { model: this.#name });
  }
}

// More than any machine has cores; a larger number is a mistake that would start as many threads.
const MAX_THREADS = 1024;

/** @throws InceptionError OPTION_INVALID when a thread count is none */
export function checkThreads(name: string, threads: number): void {
  if (Number.isInteger(threads) && threads >= 0 && threads <= MAX_THREADS) return;
  throw new InceptionError(
    "OPTION_INVALID",
    `Cannot open "${name}" with ${threads} threads: expected an integer from 0 to ${formatCount(MAX_THREADS)}`,
    { threads },
  );
}
