/** Running and training networks in the browser, with onnxruntime-web. */
export type { Device, RunOptions, Session, SessionOptions, TensorInfo } from "../runtime/session.js";
export type { StepOptions, Trainer, TrainerOptions, TrainingProgram } from "../runtime/trainer.js";
export { readImageInput } from "./image-input.js";
export { type ImageWorker, type ImageWorkerOptions, imageWorker } from "./images.js";
export { type CachedModel, type ModelCache, modelCache } from "./model-cache.js";
export { createWebSession, type WebSessionOptions } from "./session.js";
export { openSource } from "./sources.js";
export type { WebOptions, WebWorker } from "./thread.js";
export { createWebTrainer, type WebTrainerOptions } from "./trainer.js";
