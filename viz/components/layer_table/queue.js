// The queue of messages to Python. Each is sent after the answer to the last one, because it refers
// to the table that the last one leaves behind.

import { follow, keyOf } from "./model.js";

/** Milliseconds after which an unanswered message is abandoned. */
const PATIENCE = 15_000;

/**
 * @typedef {{trigger: "edit" | "select", message: import("./model.js").Message,
 *   complete?: (message: object) => object | null, wish?: (message: object) => object | null,
 *   from?: number[]}} Task
 * A message that waits for its turn. Just before it is sent, `complete` fills in what depends on
 * the table then, or returns null to drop it; `wish` returns the control to focus afterwards;
 * `from` is the row in which the edit began.
 */
export class Queue {
  /**
   * @param {(trigger: string, message: object) => void} send
   * @param {() => void} givenUp called when a message was abandoned
   */
  constructor(send, givenUp) {
    this.send = send;
    this.givenUp = givenUp;
    this.waiting = [];
    this.pending = null;
    this.count = Date.now();
  }

  /** @param {Task} task */
  add(task) {
    this.waiting.push(task);
    this.next();
  }

  next() {
    while (!this.pending && this.waiting.length) {
      const task = this.waiting.shift();
      const message = task.complete ? task.complete(task.message) : task.message;
      if (!message) continue;
      message.n = ++this.count;
      this.pending = { ...task, message, wish: task.wish?.(message) ?? null };
      this.timer = setTimeout(() => this.giveUp(), PATIENCE);
      this.send(task.trigger, message);
    }
  }

  /** The task whose message has this number, which is then no longer pending; null if none has. */
  answered(number) {
    const task = this.pending?.message.n === number ? this.pending : null;
    if (task) this.stop();
    return task;
  }

  /** Adapt the paths of waiting messages to an edit; drop messages about removed rows. */
  follow(message, grown) {
    const shifted = (path) => path && follow(path, message, grown);
    this.waiting = this.waiting.filter((task) => {
      if (task.message.path?.length) task.message.path = shifted(task.message.path);
      task.from = shifted(task.from);
      return task.message.path !== null;
    });
  }

  /** Whether a row's text is pending or waiting. */
  sends(path, text) {
    return [this.pending, ...this.waiting].some(
      (task) =>
        task?.message.do === "set" &&
        keyOf(task.message.path) === keyOf(path) &&
        task.message.text === text,
    );
  }

  stop() {
    clearTimeout(this.timer);
    this.pending = null;
  }

  giveUp() {
    this.stop();
    this.waiting = [];
    this.givenUp();
  }
}
