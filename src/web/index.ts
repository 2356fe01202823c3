/** Running and training networks in the browser, with onnxruntime-web. */
export type { Device, RunOptions, Session, SessionOptions, TensorInfo } from "../runtime/session.js";
export type { StepOptions, Trainer, TrainerOptions, TrainingProgram } from "../runtime/trainer.js";
export { createWebSession, type WebSessionOptions } from "./session.js";
export type { WebOptions, WebWorker } from "./thread.js";
export { createWebTrainer, type WebTrainerOptions } from "./trainer.js";
