/**
 * Shape biases that were published, all over the same 1,280 cue-conflict pictures and 16 categories; 80 of the pictures are no
 * conflict. Counts come from the raw data of github.com/rgeirhos/texture-vs-shape.
 * @module
 */

const PAPER = "Geirhos et al. 2019 (arXiv 1811.12231)";

/** @type {{ name: string, bias: number, shape: number, texture: number, source: string }[]} */
export const PUBLISHED = [
  { name: "ten people", bias: 0.959, shape: 9236, texture: 398, source: `${PAPER}, pooled` },
  {
    name: "ResNet-50, stylised ImageNet",
    bias: 0.806,
    shape: 586,
    texture: 141,
    source: PAPER,
  },
  { name: "AlexNet", bias: 0.253, shape: 182, texture: 537, source: PAPER },
  { name: "ResNet-50", bias: 0.221, shape: 162, texture: 572, source: PAPER },
  { name: "SqueezeNet 1.1", bias: 0.182, shape: 133, texture: 597, source: PAPER },
  { name: "VGG-16", bias: 0.092, shape: 84, texture: 828, source: PAPER },
];
