/**
 * The camera as a source of pictures: one capture, or live.
 * @module
 */

import { h, on } from "../widgets/dom.js";
import { popover } from "../widgets/popover.js";

/** @typedef {import("./session.js").Session} Session */

/** @param {unknown} error of `getUserMedia` */
function why(error) {
  const name = error instanceof Error ? error.name : "";
  if (name === "NotAllowedError")
    return "The camera may not be used: allow it for this page in the browser's address bar, then try again.";
  if (name === "NotFoundError" || name === "OverconstrainedError")
    return "There is no camera on this device: choose a file instead.";
  if (name === "NotReadableError")
    return "The camera is in use by another program: close that one, then try again.";
  return "This browser gives no camera here (it needs https or localhost): choose a file instead.";
}

/**
 * @param {HTMLButtonElement} button
 * @param {Session} app
 * @param {AbortSignal} signal
 */
export function createCamera(button, app, signal) {
  const video = h("video", { playsinline: true, "aria-label": "What the camera sees" });
  video.muted = true;
  const message = h("p", { class: "small", role: "alert", hidden: true });
  const capture = h("button", { type: "button", class: "button" }, "Take picture");
  const live = h("button", { type: "button", class: "button", "aria-pressed": "false" }, "Live");
  const stop = h("button", { type: "button", class: "button quiet" }, "Close");
  const panel = h(
    "div",
    { class: "camera" },
    video,
    message,
    h("div", { class: "row" }, capture, live, stop),
  );
  /** @type {MediaStream | null} */
  let stream = null;
  let running = false;

  const { close } = popover({
    button,
    panel,
    label: "Camera",
    manual: true,
    onOpen: () => void start(),
    onClose: end,
    signal,
  });

  async function start() {
    message.hidden = true;
    video.hidden = false;
    capture.disabled = true;
    live.disabled = true;
    try {
      stream = await navigator.mediaDevices.getUserMedia({
        video: { width: { ideal: 640 }, height: { ideal: 480 } },
      });
      video.srcObject = stream;
      await video.play();
      capture.disabled = false;
      live.disabled = false;
    } catch (error) {
      message.textContent = why(error);
      message.hidden = false;
      video.hidden = true;
    }
  }

  function end() {
    setRunning(false);
    for (const track of stream?.getTracks() ?? []) track.stop();
    stream = null;
    video.srcObject = null;
  }

  /** @param {boolean} next */
  function setRunning(next) {
    running = next;
    live.textContent = next ? "Stop" : "Live";
    live.setAttribute("aria-pressed", String(next));
    if (next) void follow();
  }

  async function follow() {
    while (running && stream) {
      await app.useImage(await createImageBitmap(video), { id: "camera", title: "Camera" });
      await app.idle();
      await new Promise((resolve) => requestAnimationFrame(resolve));
    }
  }

  on(
    capture,
    "click",
    () => {
      setRunning(false);
      void createImageBitmap(video).then((image) =>
        app.useImage(image, { id: "camera", title: "Camera" }),
      );
    },
    signal,
  );
  on(live, "click", () => setRunning(!running), signal);
  on(stop, "click", close, signal);
  signal.addEventListener("abort", end, { once: true });
}
