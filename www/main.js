// The page's entry: loads the engine and says which backends this browser offers.
import init from "./wasm/engine.js";

await init();
const adapter = await navigator.gpu?.requestAdapter();
const status = document.querySelector("#status");
if (status) {
  status.textContent = adapter
    ? `The engine is loaded; WebGPU offers ${adapter.info.vendor} ${adapter.info.architecture}.`
    : "The engine is loaded; this browser offers no WebGPU adapter.";
}
document.documentElement.dataset.ready = "true";
