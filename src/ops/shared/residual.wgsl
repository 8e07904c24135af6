// Whether a tensor of dst's layout is added to the sums, after the bias: 1, or 0. A pipeline each, because software adapters run
// every side of a branch.
override RESIDUAL: u32;
