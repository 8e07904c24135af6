// The engine's worker: whoever started it talks to the host.
import { serve } from "./api/host.js";

const port = /** @type {import("./api/host.js").Port} */ (/** @type {unknown} */ (globalThis));
serve(port);
port.postMessage({ ready: true }, []);
