// Sums and maxima over a workgroup of WG_SIZE invocations. Every invocation calls them, and gets the same answer.

const LOWEST = -3.4e38;

var<workgroup> sh_values: array<f32, WG_SIZE>;
var<workgroup> sh_indices: array<u32, WG_SIZE>;

struct Largest {
    value: f32,
    index: u32,
}

// The larger of two values; of equal ones the first.
fn larger(a: Largest, b: Largest) -> Largest {
    if b.value > a.value || (b.value == a.value && b.index < a.index) {
        return b;
    }
    return a;
}

fn workgroup_sum(value: f32, local: u32) -> f32 {
    sh_values[local] = value;
    workgroupBarrier();
    for (var half = WG_SIZE / 2u; half > 0u; half /= 2u) {
        if local < half {
            sh_values[local] += sh_values[local + half];
        }
        workgroupBarrier();
    }
    let total = sh_values[0];
    workgroupBarrier();
    return total;
}

fn workgroup_largest(own: Largest, local: u32) -> Largest {
    sh_values[local] = own.value;
    sh_indices[local] = own.index;
    workgroupBarrier();
    for (var half = WG_SIZE / 2u; half > 0u; half /= 2u) {
        if local < half {
            let best = larger(
                Largest(sh_values[local], sh_indices[local]),
                Largest(sh_values[local + half], sh_indices[local + half]),
            );
            sh_values[local] = best.value;
            sh_indices[local] = best.index;
        }
        workgroupBarrier();
    }
    let best = Largest(sh_values[0], sh_indices[0]);
    workgroupBarrier();
    return best;
}
