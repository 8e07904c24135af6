// Figures as Markdown tables.

/** @typedef {{ ms: number, gflops: number } | { missing: string }} Rate */
/** @typedef {{ firstMs: number, ms: number } | { missing: string }} Call */
/**
 * @typedef {object} Report
 * @property {"cpu" | "webgpu"} engine
 * @property {"native" | "browser"} place
 * @property {{ name?: string, description?: string, architecture?: string } | null} adapter
 * @property {{ gflops: number, gigabytes: number }} peak
 * @property {number} calibrationMs
 * @property {{ name: string, forward: Rate, toInput: Rate, toWeights: Rate }[]} convolutions
 * @property {{ name: string, forward: Call, inputGradient: Call }[]} networks
 * @property {{ name: string, helpers: number, aloneMs: number, helpedMs: number }[]} [sweeps]
 */

/** Bytes that the first view may weigh compressed. */
const TARGET_BYTES = 1.3e6;

/** @param {Report[]} reports */
export function tables(reports) {
  return reports.map(engineTables).join("\n");
}

/** @param {Report} report */
function engineTables(report) {
  const { engine, place, adapter, peak, calibrationMs } = report;
  const on = [adapter?.name, adapter?.architecture, adapter?.description].find(Boolean);
  const title = `${engine === "cpu" ? "CPU" : "WebGPU"} engine, ${place === "native" ? "natively" : "in the browser"}`;
  const rate = (/** @type {Rate} */ figure) =>
    "missing" in figure
      ? ["–", "–"]
      : [number(figure.ms), `${number(figure.gflops)} (${share(figure.gflops, peak.gflops)})`];
  const call = (/** @type {Call} */ figure) =>
    "missing" in figure ? ["–", "–"] : [number(figure.firstMs), number(figure.ms)];
  return [
    `## ${title}${on ? `, ${on}` : ""}`,
    "",
    `Peak ${number(peak.gflops)} GFLOP/s, copies ${number(peak.gigabytes)} GB/s; calibration loop ${number(calibrationMs)} ms.`,
    "",
    table(
      [
        "convolution",
        "forward ms",
        "GFLOP/s (of peak)",
        "to input ms",
        "GFLOP/s",
        "to weights ms",
        "GFLOP/s",
      ],
      report.convolutions.map((row) => [
        row.name,
        ...[row.forward, row.toInput, row.toWeights].flatMap(rate),
      ]),
    ),
    "",
    table(
      ["network", "forward first ms", "steady ms", "input gradient first ms", "steady ms"],
      report.networks.map((row) => [row.name, ...call(row.forward), ...call(row.inputGradient)]),
    ),
    "",
    ...(report.sweeps?.length ? [sweepTable(report.sweeps), ""] : []),
  ].join("\n");
}

/** @param {Record<string, import("./growth.mjs").Growth>} growth by engine */
export function growthTables(growth) {
  return Object.entries(growth)
    .flatMap(([engine, { families, held }]) => {
      const where = `${engine === "cpu" ? "CPU" : "WebGPU"} engine in the browser`;
      return [
        ...families.map(
          ({ title, rows }) => `## ${title}, ${where}\n\n${familyTable(title, rows)}\n`,
        ),
        `## memory, ${where}\n\n${heldTable(held)}\n`,
      ];
    })
    .join("\n");
}

/**
 * @param {string} title
 * @param {import("./growth.mjs").Row[]} rows
 */
function familyTable(title, rows) {
  return table(
    [title, "MFLOP", "forward ms", "GFLOP/s", "input gradient ms", "GFLOP/s"],
    rows.map((row) => [
      row.label,
      number(row.megaflops),
      number(row.forwardMs),
      number(row.megaflops / row.forwardMs),
      number(row.gradientMs),
      number((2 * row.megaflops) / row.gradientMs),
    ]),
  );
}

/** @param {import("./growth.mjs").Held[]} held */
function heldTable(held) {
  return table(
    ["call", "held, MB", "s"],
    held.map(({ label, megabytes, seconds }) => [label, number(megabytes), number(seconds)]),
  );
}

/** @param {NonNullable<Report["sweeps"]>} sweeps */
function sweepTable(sweeps) {
  return table(
    ["sweep", "one worker, ms", "helpers", "with them, ms", "ratio"],
    sweeps.map(({ name, helpers, aloneMs, helpedMs }) => [
      name,
      number(aloneMs),
      `${helpers}`,
      number(helpedMs),
      number(aloneMs / helpedMs),
    ]),
  );
}

/** @param {import("./first-view.mjs").FileSize[]} files */
export function sizes(files) {
  if (files.length === 0) return "";
  const sum = (/** @type {"raw" | "gzip" | "brotli"} */ key) =>
    files.reduce((total, file) => total + file[key], 0);
  const kilobytes = (/** @type {number} */ bytes) => (bytes / 1000).toFixed(1);
  const total = { file: "total", raw: sum("raw"), gzip: sum("gzip"), brotli: sum("brotli") };
  return [
    "## First view with fashion, kB",
    "",
    table(
      ["file", "raw", "gzip -9", "brotli"],
      [...files, total].map((row) => [
        row.file,
        kilobytes(row.raw),
        kilobytes(row.gzip),
        kilobytes(row.brotli),
      ]),
    ),
    "",
    `Target ≤ ${TARGET_BYTES / 1e6} MB compressed: ${total.gzip <= TARGET_BYTES ? "met" : "missed"} with gzip.`,
    "",
  ].join("\n");
}

/**
 * @param {string[]} head
 * @param {string[][]} rows
 */
function table(head, rows) {
  const width = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column].length)),
  );
  const line = (/** @type {string[]} */ cells) =>
    `| ${cells.map((cell, column) => cell.padEnd(width[column])).join(" | ")} |`;
  return [line(head), line(width.map((n) => "-".repeat(n))), ...rows.map(line)].join("\n");
}

/**
 * Three digits that count.
 * @param {number} value
 */
function number(value) {
  const digits = 2 - Math.floor(Math.log10(Math.abs(value) || 1));
  return value.toFixed(Math.max(0, Math.min(digits, 3)));
}

/**
 * @param {number} part
 * @param {number} whole
 */
const share = (part, whole) => `${Math.round((100 * part) / whole)} %`;
