// One loop for all that moves: it runs while something is to be seen, and stops when the tab is hidden.

/** Calls back for each frame that is shown, between start() and stop(). */
export class Frames {
  #draw;
  #wanted = false;
  #request = 0;

  /**
   * @param {(now: number) => void} draw
   * @param {AbortSignal} signal Ends it for good.
   */
  constructor(draw, signal) {
    this.#draw = draw;
    document.addEventListener('visibilitychange', () => this.#follow(), { signal });
    signal.addEventListener('abort', () => this.stop());
  }

  start() {
    this.#wanted = true;
    this.#follow();
  }

  stop() {
    this.#wanted = false;
    this.#follow();
  }

  #follow() {
    cancelAnimationFrame(this.#request);
    if (this.#wanted && !document.hidden) this.#request = requestAnimationFrame((now) => this.#frame(now));
  }

  /** @param {number} now */
  #frame(now) {
    this.#draw(now);
    this.#follow();
  }
}
