import { type ChildProcess, fork } from "node:child_process";
import { Socket } from "node:net";
import { InceptionError, messageOf } from "../errors.js";
import { shortened } from "../formats/quoted.js";
import { packTensors, type Reply } from "../runtime/messages.js";
import type { WorkerListener, WorkerPort } from "../runtime/remote.js";
import type { MemoryNotice, ProcessStart } from "./ort-messages.js";

/**
 * Start a child process that runs onnxruntime-node, so that it can end without this process.
 *
 * @param timeLimit - seconds from one answer to the next while the child has something to do; null for no limit
 * @throws InceptionError SESSION_FAILED where the system starts no process
 */
export function startProcess(file: URL, start: ProcessStart, timeLimit: number | null): WorkerPort {
  const child = forkChild(file, start.name);
  const watch = new Watch(child, timeLimit);
  const post = (message: object): void => {
    // A child that is gone takes no message; its "close" event says so to whoever waits.
    if (child.connected) child.send(message, () => {});
  };
  watch.begin();
  post(start);
  return {
    // What is sent is copied; there is no memory to be moved to another process.
    post: (message) => {
      watch.begin();
      post(message as object);
    },
    hold: (busy) => hold(child, busy),
    listen: (listener) => listenTo(child, watch, start.memoryLimit, listener),
  };
}

function forkChild(file: URL, name: string): ChildProcess {
  try {
    // Options of this process, such as a loader or an inspector's port, are not the child's.
    return fork(file, [], {
      serialization: "advanced",
      execArgv: [],
      env: childEnvironment(process.env),
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
  } catch (thrown) {
    const message = `Cannot open "${name}": no process can be started for it: ${messageOf(thrown)}`;
    throw new InceptionError("SESSION_FAILED", message, { model: name }, { cause: thrown });
  }
}

/** What the dynamic linker, the system and CUDA need to find their files and devices. Keys and tokens in other variables are no business of a model. */
const PASSED_ON = /^(?:PATH|LD_LIBRARY_PATH|DYLD_LIBRARY_PATH|SYSTEMROOT|TMPDIR|TEMP|TMP|CUDA_.*|NVIDIA_.*|ORT_.*)$/i;

function childEnvironment(own: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(own).filter(([name]) => PASSED_ON.test(name)));
}

/** Whether the child keeps this process alive. */
function hold(child: ChildProcess, busy: boolean): void {
  const output = child.stderr instanceof Socket ? child.stderr : null;
  for (const handle of [child, child.channel, output]) {
    if (busy) handle?.ref();
    else handle?.unref();
  }
}

function listenTo(child: ChildProcess, watch: Watch, memoryLimit: number, listener: WorkerListener): void {
  let output = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    output = (output + text).slice(-MAX_OUTPUT);
  });
  child.on("message", (message) => {
    // The other side is our own child, which posts nothing else.
    const reply = message as Reply<unknown> | MemoryNotice;
    if (reply.kind === "memory-limit") {
      watch.reason ??= `it took ${gigabytes(reply.bytes)} of memory, the limit is ${gigabytes(memoryLimit)}; use smaller batches or raise the memory limit`;
      return;
    }
    watch.answered();
    // The serializer puts the tensors of a message into one buffer; each output is to have memory of its own.
    listener.message(reply.kind === "done" ? { ...reply, outputs: packTensors(reply.outputs, true).tensors } : reply);
  });
  child.on("error", (thrown) => {
    listener.died(`its process failed: ${messageOf(thrown)}`);
    // A process that was never started does not close.
    if (child.pid === undefined) listener.ended();
  });
  // After the last message, unlike "exit".
  child.once("close", (code, signal) => {
    watch.end();
    const cause = watch.reason === null ? causeOf(code, signal, output) : `its process was killed: ${watch.reason}`;
    listener.died(cause, { ...(signal === null ? { exitCode: code } : { signal }), ...(output === "" ? {} : { output }) });
    listener.ended();
  });
}

/** Characters of the child's error output that are kept; the last lines say what the runtime or Node died of. */
const MAX_OUTPUT = 2000;

const CRASHES: ReadonlySet<string> = new Set(["SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT", "SIGTRAP"]);

/** The lines in which Node, the C++ runtime and the allocator say why they end a process. */
const LAST_WORDS = /^(?:\w*Error\b|FATAL ERROR|terminate called|free\(\)|malloc|corrupted|double free)/;

function causeOf(code: number | null, signal: NodeJS.Signals | null, output: string): string {
  const line = output.split("\n").find((each) => LAST_WORDS.test(each));
  const wrote = line === undefined ? "" : ` (${shortened(line.trim())})`;
  if (signal === null) return `its process ended with exit code ${code}${wrote}`;
  if (CRASHES.has(signal)) return `its process crashed with ${signal}${wrote}; do not run this model without isolation`;
  if (signal === "SIGKILL") return `its process was killed with ${signal}, as systems do when memory runs out; use smaller batches`;
  return `its process was ended by ${signal}${wrote}`;
}

function gigabytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(2)} GiB`;
}

/** Kills the child where it takes too long, and knows why it was killed. */
class Watch {
  /** null as long as nobody here has killed the child. */
  reason: string | null = null;
  readonly #child: ChildProcess;
  readonly #seconds: number | null;
  #waiting = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(child: ChildProcess, seconds: number | null) {
    this.#child = child;
    this.#seconds = seconds;
  }

  /** Something more is to be answered. The child does one thing at a time, so only the first starts the clock. */
  begin(): void {
    this.#waiting++;
    if (this.#waiting === 1) this.#start();
  }

  answered(): void {
    this.#waiting--;
    this.end();
    if (this.#waiting > 0) this.#start();
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  #start(): void {
    if (this.#seconds === null) return;
    const seconds = this.#seconds;
    this.#timer = setTimeout(() => {
      this.reason ??= `it took longer than the time limit of ${seconds} s`;
      this.#child.kill("SIGKILL");
    }, seconds * 1000).unref();
  }
}
