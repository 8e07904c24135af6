// A product of weights with the channels of pictures, whose planes are whole vec4s: where an invocation writes, and its sums.
// It computes 8 channels × 16 positions of the flattened picture, 2 channels of src at a time. A weight vec4 is used for 16
// positions, a value of src for 8 channels.

#import product_block

#import conv_sums

// Positions vary fastest, then channels, pictures. Positions and channels past the end repeat the last one.
struct Place {
    n: u32,
    quad: u32, // the first four channels
    next_quad: u32, // how far the next four are
    positions: vec4u, // of four vec4s in the plane
}

fn place_of(index: u32) -> Place {
    let position = index % p.tiles * 4u;
    let quads = (p.C_dst + 3u) / 4u;
    let pairs = (quads + 1u) / 2u;
    let quad = index / p.tiles % pairs * 2u;
    let n = index / (p.tiles * pairs);
    let positions = min(vec4u(0u, 1u, 2u, 3u) + position, vec4u(p.src_quads - 1u));
    return Place(n, quad, min(quad + 1u, quads - 1u) - quad, positions);
}

struct Tile {
    low0: Sums, // four channels at eight positions
    low1: Sums, // and at the next eight
    high0: Sums, // the next four channels
    high1: Sums,
}

// Adds a channel. Values are used right after they are loaded: what lives long takes registers from what does not.
fn add_channel(tile: Tile, start: u32, i: vec4u, low: vec4f, high: vec4f) -> Tile {
    var next = tile;
    let x0 = src[start + i.x];
    next.low0.left = accumulate(next.low0.left, low, x0);
    next.high0.left = accumulate(next.high0.left, high, x0);
    let x1 = src[start + i.y];
    next.low0.right = accumulate(next.low0.right, low, x1);
    next.high0.right = accumulate(next.high0.right, high, x1);
    let x2 = src[start + i.z];
    next.low1.left = accumulate(next.low1.left, low, x2);
    next.high1.left = accumulate(next.high1.left, high, x2);
    let x3 = src[start + i.w];
    next.low1.right = accumulate(next.low1.right, low, x3);
    next.high1.right = accumulate(next.high1.right, high, x3);
    return next;
}

fn sum_products(place: Place) -> Tile {
    let quads = (p.C_dst + 3u) / 4u;
    let picture = place.n * p.C_src * p.src_quads;
    var at = place.n * p.weight_step + place.quad;
    var tile = Tile();
    for (var c = 0u; c < p.C_src; c += 2u) {
        tile = add_channel(tile, picture + c * p.src_quads, place.positions, weights[at], weights[at + place.next_quad]);
        // Of an odd number of channels the last is repeated with weights of 0.
        let second = picture + min(c + 1u, p.C_src - 1u) * p.src_quads;
        tile = add_channel(tile, second, place.positions, weights[at + quads], weights[at + quads + place.next_quad]);
        at += 2u * quads;
    }
    return tile;
}

// Four channels at four positions each: the first four channels at all positions, then the next four.
fn matrices(tile: Tile) -> array<mat4x4f, 8> {
    return array<mat4x4f, 8>(
        tile.low0.left, tile.low0.right, tile.low1.left, tile.low1.right,
        tile.high0.left, tile.high0.right, tile.high1.left, tile.high1.right,
    );
}
